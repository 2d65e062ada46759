//! `baocao check`: what it prints and its exit status.

use std::process::Command;

use serde_json::Value;

use super::{baocao, run, run_with_input, status, stderr, stdout, write};

/// A report with a mistake that is certain: a section label twice, and a masthead without number.
pub const WITH_MISTAKES: &str = "\
ỦY BAN NHÂN DÂN
TỈNH MINH HẢI
\u{20}
Số:     /BC-UBND

Minh Hải, ngày 05 tháng 10 năm 2024

BÁO CÁO
Kết quả công tác quý III năm 2024

I. KẾT QUẢ
1. Tiếp công dân
Đã tiếp nhận 12 đơn thư.
1. Giải quyết đơn thư
Đã giải quyết 12 đơn thư.
II. NHIỆM VỤ
Tiếp tục thực hiện./.
";

#[test]
fn an_unknown_rule_is_refused_with_the_nearest_one() {
    let output = run(&["rules", "explain", "sum-mismach"]);
    assert_eq!(status(&output), 2);
    assert_eq!(
        stderr(&output),
        "baocao: unknown rule sum-mismach; did you mean sum-mismatch?\n"
    );
    let output = run(&["check", "--set", "rules.severity.header-mising=off", "tests/reports"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("did you mean header-missing?"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn check_has_status_1_when_there_is_an_error_only() {
    let set = |severity: &str| format!("rules.severity.numbering-duplicate={severity}");
    let check = |severity: &str| {
        let arguments = [
            "check",
            "--set",
            "rules.severity.header-missing=off",
            "--set",
            &set(severity),
            "-",
        ];
        run_with_input(&arguments, WITH_MISTAKES.as_bytes())
    };
    let output = check("error");
    assert_eq!(status(&output), 1, "{}", stdout(&output));
    assert!(
        stdout(&output).contains("error[numbering-duplicate]: "),
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).ends_with("1 error in 1 file\n"), "{}", stdout(&output));
    let output = check("warning");
    assert_eq!(status(&output), 0);
    assert!(
        stdout(&output).ends_with("1 warning in 1 file\n"),
        "{}",
        stdout(&output)
    );
    let output = check("off");
    assert_eq!(
        (status(&output), stdout(&output).as_str()),
        (0, "nothing found in 1 file\n")
    );
}

#[test]
fn check_goes_by_the_rules_of_the_unit() {
    let check = |unit: &[&str]| {
        let set = [
            "check",
            "--set",
            "rules.severity.numbering-duplicate=error",
            "--set",
            "rules.unit.H50.12.numbering-duplicate=info",
        ];
        let arguments: Vec<&str> = set.iter().chain(unit).chain(&["-"]).copied().collect();
        status(&run_with_input(&arguments, WITH_MISTAKES.as_bytes()))
    };
    assert_eq!(check(&[]), 1);
    assert_eq!(check(&["--unit", "H50.1"]), 1);
    assert_eq!(check(&["--unit", "H50.12.3"]), 0);
}

#[test]
fn check_speaks_the_language_asked_for() {
    let set = "rules.severity.numbering-duplicate=error";
    let vietnamese = |command: &mut Command| command.env("LC_ALL", "vi_VN.UTF-8").output().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.txt", WITH_MISTAKES);
    let text = stdout(&vietnamese(&mut baocao(&["check", "--set", set, &file])));
    assert!(
        text.contains("lỗi[numbering-duplicate]: ") && text.contains(" trong 1 tệp\n"),
        "{text}"
    );
    let text = stdout(&vietnamese(&mut baocao(&[
        "check", "--lang", "en", "--set", set, &file,
    ])));
    assert!(text.contains("error[numbering-duplicate]: "), "{text}");
}

#[test]
fn what_is_missing_has_a_file_and_no_line() {
    let output = run_with_input(&["check", "-"], WITH_MISTAKES.as_bytes());
    let text = stdout(&output);
    let finding = text
        .split("\n\n")
        .find(|finding| finding.contains("recipients") || finding.contains("Nơi nhận"));
    let finding = finding.unwrap_or_else(|| panic!("{text}"));
    assert!(
        finding.contains("[header-missing]: ") && finding.contains("--> <stdin>\n"),
        "{finding}"
    );
}

/// Below each source line stand its underlines: the character above each must be part of a place.
#[test]
fn underlines_stand_below_the_characters_they_mean() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.txt", WITH_MISTAKES);
    let output = run(&["check", "--set", "rules.severity.header-missing=off", &file]);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    let (at, place) = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| Some((at, line.trim().strip_prefix("--> ")?)))
        .unwrap();
    let numbers: Vec<usize> = place
        .rsplit(':')
        .take(2)
        .map(|number| number.parse().unwrap())
        .collect();
    let (column, line) = (numbers[0], numbers[1]);
    let source = WITH_MISTAKES.lines().nth(line - 1).unwrap();
    assert!(lines[at + 2].ends_with(source), "{text}");
    let margin = lines[at + 2].chars().count() - source.chars().count();
    let caret = lines[at + 3].chars().position(|c| c == '^').unwrap();
    assert_eq!(caret, margin + column - 1, "{text}");
}

#[test]
fn check_walks_folders() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.txt", WITH_MISTAKES);
    write(folder.path(), "b.md", WITH_MISTAKES);
    write(folder.path(), "c.log", "not looked at");
    let output = run(&["check", folder.path().to_str().unwrap()]);
    assert!(stdout(&output).ends_with("in 2 files\n"), "{}", stdout(&output));
    let empty = tempfile::tempdir().unwrap();
    let output = run(&["check", empty.path().to_str().unwrap()]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("no file of a known ending"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn check_prints_findings_as_json_lines() {
    let output = run_with_input(&["check", "--format", "json", "-"], WITH_MISTAKES.as_bytes());
    let text = stdout(&output);
    let findings: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let duplicate = findings
        .iter()
        .find(|object| object["finding"]["rule"] == "numbering-duplicate");
    let duplicate = duplicate.unwrap_or_else(|| panic!("{text}"));
    assert_eq!(duplicate["file"], "<stdin>");
    let span = &duplicate["finding"]["spans"][0];
    let start = span["start"].as_u64().unwrap() as usize;
    let before: String = WITH_MISTAKES.chars().take(start).collect();
    assert_eq!(duplicate["line"], before.matches('\n').count() + 1);
    assert_eq!(
        duplicate["column"],
        before.chars().rev().take_while(|&c| c != '\n').count() + 1
    );
}

#[test]
fn several_files_have_a_total_and_no_bar_in_a_log() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("below")).unwrap();
    write(folder.path(), "a.txt", WITH_MISTAKES);
    write(folder.path(), "below/b.txt", WITH_MISTAKES);
    write(folder.path(), "below/empty.txt", " \n");
    write(folder.path(), "notes.zip", "no report");
    let folder = folder.path().to_str().unwrap();
    let output = run(&["check", "--format", "json", folder]);
    assert_eq!(status(&output), 2);
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (total, lines) = lines.split_last().unwrap();
    let count = |severity: &str| {
        let is_so = |line: &&Value| line["finding"]["severity"] == format!("SEVERITY_{severity}");
        lines.iter().filter(is_so).count()
    };
    assert!(count("WARNING") + count("ERROR") > 0);
    assert_eq!(
        total["total"],
        serde_json::json!({
            "files": 3, "unread": 1, "errors": count("ERROR"), "warnings": count("WARNING"), "infos": count("INFO"),
        })
    );
    assert_eq!(lines.iter().filter(|line| line["failure"].is_string()).count(), 1);
    // Standard error is no terminal here: the one file that cannot be read, and no bar.
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    let output = run(&["check", folder]);
    assert!(
        stdout(&output).contains(" in 3 files; 1 could not be read"),
        "{}",
        stdout(&output)
    );
}

/// The schema of the standard, from a file: nothing is fetched.
fn follows_the_schema(log: &Value) {
    let schema = include_str!("../../fixtures/sarif/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    // As published these patterns hold a bracket too many, which is no regular expression.
    for of in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][of]["properties"]["language"];
        assert_eq!(language["pattern"], "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        language["pattern"] = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    let schema = jsonschema::draft7::new(&schema).unwrap();
    let wrong: Vec<String> = schema
        .iter_errors(log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_finding_keeps_its_fingerprint_when_the_text_moves() {
    let prints = |text: &str| -> Vec<(String, String)> {
        let output = run_with_input(&["check", "--format", "sarif", "-"], text.as_bytes());
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        follows_the_schema(&log);
        let results = log["runs"][0]["results"].as_array().unwrap();
        results
            .iter()
            .map(|result| {
                let print = &result["partialFingerprints"]["ruleAndWords/v1"];
                (result["ruleId"].to_string(), print.as_str().unwrap().to_owned())
            })
            .collect()
    };
    let before = prints(WITH_MISTAKES);
    let distinct: std::collections::BTreeSet<_> = before.iter().collect();
    assert_eq!(distinct.len(), before.len(), "{before:?}");
    let moved = WITH_MISTAKES.replace("1. Tiếp công dân", "1. Tiếp công dân\nĐã tiếp 12 lượt công dân.\n");
    assert_eq!(prints(&moved), before);
}

#[test]
fn all_reports_make_a_valid_log() {
    let output = run(&[
        "check",
        "--format",
        "sarif",
        "--set",
        "rules.preview=true",
        "tests/reports",
    ]);
    follows_the_schema(&serde_json::from_slice(&output.stdout).unwrap());
}

#[test]
fn sarif_has_what_the_standard_requires() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "báo cáo 1.txt", WITH_MISTAKES);
    let bad = write(folder.path(), "trống.txt", "");
    let output = run(&["check", "--format", "sarif", &good, &bad]);
    assert_eq!(status(&output), 2);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    follows_the_schema(&log);
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "baocao");
    let rules = driver["rules"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .all(|rule| !rule["shortDescription"]["text"].as_str().unwrap().is_empty())
    );
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(result["ruleId"], rules[index]["id"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(
            uri.starts_with("file:///") && uri.is_ascii() && !uri.contains(' '),
            "{uri}"
        );
        if let Some(region) = place.get("region") {
            let start = region["charOffset"].as_u64().unwrap() as usize;
            let length = region["charLength"].as_u64().unwrap() as usize;
            let text: String = WITH_MISTAKES.chars().skip(start).take(length).collect();
            assert_eq!(region["snippet"]["text"], text);
            assert!(region["startLine"].as_u64() >= Some(1) && region["startColumn"].as_u64() >= Some(1));
        }
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(
        run["invocations"][0]["toolExecutionNotifications"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn the_page_of_rules_is_the_one_beside_them() {
    let output = run(&["rules", "page"]);
    assert_eq!(status(&output), 0);
    assert_eq!(stdout(&output), include_str!("../../../src/validate/RULES.md"));
}
