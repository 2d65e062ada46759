use super::*;

/// The figures of a text: span, kind, value, unit, approximation and change.
fn figures(text: &str) -> Vec<String> {
    let document = Document::plain(format!("BÁO CÁO\nKết quả\n\n{text}\n"));
    let layout = Layout::of(&document);
    extract(&document, &layout, Vocabulary::embedded(), &[], &[])
        .iter()
        .map(|measure| {
            let total = measure.total.map(|total| format!("/{total}")).unwrap_or_default();
            let unit = measure.unit.span().map_or("", |span| span.of(&document.text));
            let approx = if measure.approx == Approx::Exact {
                String::new()
            } else {
                format!(" {:?}", measure.approx)
            };
            let change = if measure.change == Change::None {
                String::new()
            } else {
                format!(" {:?}", measure.change)
            };
            format!(
                "{} | {:?} {}{total} {unit}{approx}{change}",
                measure.span.of(&document.text),
                measure.kind,
                measure.value
            )
        })
        .collect()
}

#[test]
fn a_plain_count() {
    assert_eq!(
        figures("Tỉnh ban hành 1.327 văn bản chỉ đạo."),
        ["1.327 văn bản | Count 1327 văn bản"]
    );
}

#[test]
#[ignore = "prints the figures of a file, for looking at forms by hand"]
fn show() {
    let Ok(path) = std::env::var("SHOW") else { return };
    for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
        println!("{line}");
        for figure in figures(line) {
            println!("      {figure}");
        }
    }
}
