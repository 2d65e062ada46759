//! The command line, driven as its users drive it: the built program, its output, its exit status.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

mod check;
mod on_the_bus;

/// The program without any settings of the machine the tests run on.
fn baocao(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baocao"));
    command.args(arguments).env("LC_ALL", "C").env("COLUMNS", "100");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BAOCAO_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    baocao(arguments).output().unwrap()
}

fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = baocao(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may stop before it has read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn extract_prints_one_object_in_canonical_json() {
    let output = run(&[
        "extract",
        "--format",
        "json",
        "--today",
        "2025-01-15",
        "tests/reports/ministry-q3-2024.txt",
    ]);
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
    let message: baocao::proto::baocao::v1::ReportProcessed = baocao::wire::from_json(&output.stdout).unwrap();
    assert_eq!(message.document.as_ref().unwrap().encoding, "UTF-8");
    assert_eq!(message.producer.as_ref().unwrap().produced_at, None);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["status"], "STATUS_PROCESSED");
    assert_eq!(value["submission"]["fileName"], "ministry-q3-2024.txt");
    assert!(value["report"]["header"].is_object());
}

#[test]
fn extract_prints_the_same_twice() {
    let arguments = [
        "extract",
        "--format",
        "json",
        "--today",
        "2025-01-15",
        "tests/reports/province-2025.txt",
    ];
    assert_eq!(run(&arguments).stdout, run(&arguments).stdout);
}

#[test]
fn extract_prints_several_files_on_a_line_each() {
    let files = ["tests/reports/ministry-q3-2024.txt", "tests/reports/urgent-2024.txt"];
    let output = run(&["extract", "--format", "json", files[0], files[1]]);
    let text = stdout(&output);
    let names: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["submission"]["fileName"].clone())
        .collect();
    assert_eq!(names, ["ministry-q3-2024.txt", "urgent-2024.txt"]);
}

#[test]
fn extract_reads_standard_input() {
    let output = run_with_input(
        &["extract", "--format", "json", "-"],
        "\u{feff}BÁO CÁO\r\nnăm 2024\r\n".as_bytes(),
    );
    assert_eq!(status(&output), 0);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["document"]["text"], "BÁO CÁO\nnăm 2024\n");
    assert_eq!(value["submission"]["fileName"], "<stdin>");
}

#[test]
fn the_table_is_as_wide_as_it_may_be_and_has_all_parts() {
    let output = run(&["extract", "--lang", "vi", "tests/reports/ministry-q3-2024.txt"]);
    let text = stdout(&output);
    for part in ["Mục (", "Văn bản viện dẫn (", "Số liệu (", "Phát hiện ("] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}\n{text}");
    assert!(!text.contains('\u{1b}'), "colours without a terminal");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.txt", "BÁO CÁO\nTình hình\n");
    let bad = folder.path().join("bad.txt");
    fs::write(&bad, b"\xff\xfe\x00").unwrap();
    let missing = folder.path().join("missing.txt");
    let files = [bad.to_str().unwrap(), missing.to_str().unwrap(), &good];
    for command in ["extract", "check"] {
        let output = run(&[command, "--format", "json", files[0], files[1], files[2]]);
        assert_eq!(status(&output), 2);
        let errors = stderr(&output);
        assert!(errors.contains("bad.txt: not-text: "), "{errors}");
        assert!(errors.contains("missing.txt: No such file"), "{errors}");
        assert!(errors.lines().all(|line| line.starts_with("baocao: ")), "{errors}");
        for line in stdout(&output).lines() {
            serde_json::from_str::<Value>(line).unwrap();
        }
    }
}

#[test]
fn hostile_input_is_refused_or_read_without_a_panic() {
    let long = "báo".repeat(300_000);
    let digits = "9".repeat(100_000);
    let nested = "(".repeat(50_000);
    let inputs: [&[u8]; 9] = [
        b"",
        b" \n\n\t",
        b"\0\0\0\0",
        b"%PDF-1.7\n",
        "Số".as_bytes(),
        "\u{feff}".as_bytes(),
        long.as_bytes(),
        digits.as_bytes(),
        nested.as_bytes(),
    ];
    for input in inputs {
        for command in ["extract", "check"] {
            let output = run_with_input(&[command, "-"], input);
            let shown = String::from_utf8_lossy(&input[..input.len().min(20)]).into_owned();
            assert!(
                !stderr(&output).contains("internal error"),
                "{shown:?}: {}",
                stderr(&output)
            );
            assert!((0..=2).contains(&status(&output)), "{shown:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = baocao(&["config", "--defaults"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
}

#[test]
fn wrong_usage_has_status_2() {
    for arguments in [
        &["nonsense"][..],
        &["extract"],
        &["check", "--today", "soon", "a.txt"],
        &["check", "--format", "xml", "a"],
    ] {
        let output = run(arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(!stderr(&output).is_empty());
    }
    assert_eq!(status(&run(&["--help"])), 0);
    assert_eq!(status(&run(&["--version"])), 0);
}

#[test]
fn settings_that_do_not_exist_are_refused_with_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "b.toml", "[worker]\n\nconcurency = 3\n");
    let output = run(&["config", "--config", &file]);
    assert_eq!(status(&output), 2);
    let expected = format!(
        "baocao: wrong settings: unknown setting worker.concurency ({file}:3); did you mean worker.concurrency?\n"
    );
    assert_eq!(stderr(&output), expected);

    let output = baocao(&["config"])
        .env("BAOCAO__ALERT__MIN_SEVERTY", "info")
        .output()
        .unwrap();
    assert_eq!(status(&output), 2);
    let errors = stderr(&output);
    assert!(
        errors.contains("BAOCAO__ALERT__MIN_SEVERTY") && errors.contains("alert.min_severity?"),
        "{errors}"
    );

    let output = run(&["config", "--set", "worker.concurrency=0"]);
    assert_eq!(status(&output), 2);
    let expected =
        "baocao: wrong settings: worker.concurrency (--set): expected a whole number from 1 to 4096, found 0\n";
    assert_eq!(stderr(&output), expected);

    let output = run(&["config", "--config", "no-such.toml"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).starts_with("baocao: wrong settings: cannot read the settings file no-such.toml: No such"));
}

#[test]
fn config_prints_what_is_in_force_and_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "b.toml", "[bus]\nuser = 'an'\npassword = 'mat-khau-1'\n");
    let output = baocao(&["config", "--set", "worker.concurrency=4"])
        .env("BAOCAO_CONFIG", &file)
        .env("BAOCAO__BUS__URL", "tls://an:mat-khau-2@nats.example:4222")
        .output()
        .unwrap();
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(!text.contains("mat-khau"), "{text}");
    assert!(
        text.contains("url = \"tls://********@nats.example:4222\"  # environment variable BAOCAO__BUS__URL\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!("password = \"********\"  # {file}:3\n")),
        "{text}"
    );
    assert!(text.contains("concurrency = 4  # --set\n"), "{text}");
    let printed: baocao::config::Settings = toml::from_str(&text).unwrap();
    assert_eq!(printed.worker.concurrency, 4);
    let defaults = run(&["config", "--defaults"]);
    assert_eq!(stdout(&defaults), baocao::config::DEFAULTS);
}

#[test]
fn every_rule_is_listed_and_explained() {
    let listed: Value = serde_json::from_slice(&run(&["rules", "--format", "json"]).stdout).unwrap();
    let table = stdout(&run(&["rules"]));
    for rule in listed.as_array().unwrap() {
        let id = rule["id"].as_str().unwrap();
        assert!(table.contains(id), "{table}");
        let page = run(&["rules", "explain", id]);
        assert_eq!(status(&page), 0);
        assert!(stdout(&page).contains("Why it matters"), "{id}");
    }
    assert_eq!(listed.as_array().unwrap().len(), baocao::validate::RULES.len());
}

#[test]
fn flags_before_and_behind_the_command_count() {
    let output = run(&[
        "--set",
        "worker.concurrency=3",
        "config",
        "--set",
        "worker.drain_seconds=1",
        "--set",
        "worker.concurrency=5",
    ]);
    let text = stdout(&output);
    assert!(text.contains("concurrency = 5  # --set\n"), "{text}");
    assert!(text.contains("drain_seconds = 1  # --set\n"), "{text}");
    let output = run(&["--set", "worker.max_deliver=7", "config"]);
    assert!(
        stdout(&output).contains("max_deliver = 7  # --set\n"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn words_of_a_file_are_known_to_all_commands() {
    let folder = tempfile::tempdir().unwrap();
    let text = "BÁO CÁO\nKết quả năm 2026\n\nĐã lắp 12 giàn phơi.\n";
    let report = write(folder.path(), "report.txt", text);
    let overlay = write(folder.path(), "words.toml", "[units]\nnouns = [\"giàn phơi\"]\n");
    let set = format!("vocabulary.overlay={overlay}");
    let unit = |arguments: &[&str]| {
        let output = run(&[&["extract", &report, "--format", "json"], arguments].concat());
        let extracted: Value = serde_json::from_str(&stdout(&output)).unwrap();
        extracted["report"]["measures"][0]["unit"].as_str().map(str::to_owned)
    };
    assert_eq!(unit(&["--set", &set]).as_deref(), Some("giàn phơi"));
    assert_ne!(unit(&[]).as_deref(), Some("giàn phơi"));

    let output = run(&["vocabulary", "--set", &set]);
    assert_eq!(status(&output), 0);
    let printed = stdout(&output);
    assert!(
        printed.contains("\nissuers ") && printed.contains("1 entries of"),
        "{printed}"
    );
    let output = run(&["vocabulary", "units"]);
    assert!(stdout(&output).contains("nouns = ["), "{output:?}");

    write(folder.path(), "words.toml", "[units]\nnouns = [\"giàn phơi\"\n");
    for command in [&["check", &report][..], &["extract", &report], &["vocabulary"]] {
        let output = run(&[command, &["--set", &set]].concat());
        assert_eq!(status(&output), 2);
        let said = stderr(&output);
        assert!(
            said.contains("words.toml:") && said.contains("not valid TOML"),
            "{said}"
        );
    }
}
