//! The commands on the bus: worker, submit, watch, demo, each against real servers.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
};

use serde_json::{Value, json};

use super::{baocao, check::WITH_MISTAKES, run, status, stderr, stdout, write};
use crate::harness::on_each_server;

/// A running program; killed when a test ends before it.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = baocao(arguments);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits for a line on stderr that holds these words.
    fn says(&mut self, words: &str) {
        let lines = BufReader::new(self.0.stderr.as_mut().unwrap()).lines();
        assert!(
            lines.map_while(Result::ok).any(|line| line.contains(words)),
            "it ended without saying {words:?}"
        );
    }

    /// Sends a signal and waits for the exit status.
    fn signal(&mut self, signal: &str) -> Option<i32> {
        let kill = std::process::Command::new("kill")
            .args([signal, &self.0.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_report_goes_in_and_its_result_and_alerts_come_out() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "báo cáo.txt", WITH_MISTAKES);
    let bad = write(folder.path(), "trống.txt", " \n");
    on_each_server(|server| {
        let (good, bad) = (good.clone(), bad.clone());
        async move {
            let url = format!("bus.url={}", server.url());
            let grave = "rules.severity.numbering-duplicate=error";
            let mut worker = Running::start(&["worker", "--set", &url, "--set", grave]);
            let submit = |files: &[&str]| {
                let arguments = [&["submit", "--set", &url, "--unit", "H50.12.3", "--wait"], files].concat();
                run(&arguments)
            };
            // The first submission waits for the worker to create its streams.
            let first = (0..100)
                .map(|_| submit(&[&good]))
                .find(|output| {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    status(output) == 0
                })
                .expect("a submission succeeds");
            let line = stdout(&first);
            let fields: Vec<&str> = line.trim_end().split('\t').collect();
            assert_eq!((fields[0].len(), fields[1]), (32, good.as_str()));
            assert!(fields[2].starts_with("1 error"), "{line}");

            let refused = submit(&[&bad]);
            assert_eq!(status(&refused), 2, "{}", stderr(&refused));
            assert!(stdout(&refused).contains("\trefused: "), "{}", stdout(&refused));

            let again = submit(&[&good]);
            assert_eq!(stdout(&again), line, "the same content has the same id and result");
            assert!(stderr(&again).contains("not processed twice"), "{}", stderr(&again));

            // Several at once, in their order, with their total.
            let many = run(&[
                "submit",
                "--set",
                &url,
                "--unit",
                "H50.12.3",
                "--wait",
                "--format",
                "json",
                &good,
                &bad,
                "no-such.txt",
            ]);
            assert_eq!(status(&many), 2);
            let lines: Vec<Value> = stdout(&many)
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(lines.len(), 4, "{lines:?}");
            assert_eq!(
                (&lines[0]["file"], &lines[0]["status"]),
                (&json!(good), &json!("processed"))
            );
            assert_eq!(lines[0]["findings"]["errors"], 1);
            assert_eq!(
                (&lines[1]["status"], &lines[1]["reason"]),
                (&json!("refused"), &json!("empty"))
            );
            assert!(
                lines[2]["failure"].as_str().unwrap().contains("no-such.txt"),
                "{lines:?}"
            );
            assert_eq!(
                lines[3]["total"],
                json!({
                    "files": 3, "handedIn": 2, "duplicates": 2, "processed": 1, "refused": 1, "unanswered": 0, "failed": 1,
                })
            );
            let many = submit(&[&good, &bad]);
            assert!(
                stderr(&many).contains("2 of 2 files handed in, 2 of them duplicates; 1 processed, 1 refused"),
                "{}",
                stderr(&many)
            );

            let arguments = [
                "watch", "--set", &url, "--all", "--unit", "H50", "--format", "json", "--count", "4",
            ];
            let watched = run(&arguments);
            let lines: Vec<Value> = stdout(&watched)
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            let count = |name: &str| lines.iter().filter(|line| line.get(name).is_some()).count();
            assert_eq!((count("processed"), count("alert")), (2, 2), "{lines:?}");
            let text = stdout(&run(&["watch", "--set", &url, "--all", "--count", "4"]));
            assert!(
                text.contains("baocao.alert.error.numbering-duplicate.H50.12.3."),
                "{text}"
            );
            assert!(text.contains("baocao.report.processed.H50.12.3."), "{text}");

            assert_eq!(worker.signal("-TERM"), Some(0));
        }
    });
}

#[test]
fn watch_ends_with_ctrl_c() {
    on_each_server(|server| async move {
        let url = format!("bus.url={}", server.url());
        let mut worker = Running::start(&["worker", "--set", &url]);
        let mut watch = loop {
            let mut watch = Running::start(&["watch", "--set", &url]);
            let mut first = String::new();
            BufReader::new(watch.0.stderr.as_mut().unwrap())
                .read_line(&mut first)
                .unwrap();
            if first.contains("watching") {
                break watch;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        };
        assert_eq!(watch.signal("-INT"), Some(0));
        assert_eq!(worker.signal("-INT"), Some(0));
    });
}

#[test]
fn without_a_server_it_is_said_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.txt", WITH_MISTAKES);
    let url = "bus.url=nats://an:bi-mat@127.0.0.1:1";
    for arguments in [&["submit", &file][..], &["watch"]] {
        let output = run(&[arguments, &["--set", url]].concat());
        assert_eq!(status(&output), 2);
        let errors = stderr(&output);
        assert!(errors.contains("127.0.0.1:1") && !errors.contains("bi-mat"), "{errors}");
        assert_eq!(
            errors.lines().filter(|line| line.starts_with("baocao: ")).count(),
            1,
            "{errors}"
        );
    }
}

#[test]
fn the_demonstration_shows_everything_and_leaves_nothing() {
    on_each_server(|server| async move {
        let program = server.path().to_str().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut command = baocao(&["demo", "--lang", "en", "--nats-server", program]);
        let output = command.env("TMPDIR", folder.path()).output().unwrap();
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let text = stdout(&output);
        for part in [
            "SENT ",
            "RESULT ",
            "ALERT ",
            "baocao.report.processed.A99.12.3.",
            "3 reports in, 3 results",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn the_demonstration_stops_all_it_started_when_it_is_stopped() {
    on_each_server(|server| {
        async move {
            let program = server.path().to_str().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let mut command = baocao(&["demo", "--lang", "en", "--nats-server", program]);
            command
                .env("TMPDIR", folder.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut demo = Running(command.spawn().unwrap());
            demo.says("runs at ");
            let mut rest = String::new();
            let code = demo.signal("-INT");
            // It may have been done already.
            assert!([Some(0), Some(2)].contains(&code), "{code:?}");
            demo.0.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    });
}

#[test]
fn a_server_that_does_not_start_is_named() {
    let output = run(&["demo", "--nats-server", "/bin/false"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("/bin/false ended with"), "{}", stderr(&output));
    let output = run(&["demo", "--nats-server", "/no/such/nats-server"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("cannot start /no/such/nats-server: No such file"),
        "{}",
        stderr(&output)
    );
}
