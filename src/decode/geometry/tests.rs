//! Pages as PDF has them: words at places, in the order of the source.

use super::*;

/// Lays out lines of text: `(x, y, text)`, letters 6 wide and 12 high, words 4 apart, each line a block.
fn page(lines: &[(f32, f32, &str)]) -> Page {
    let mut words = Vec::new();
    for (index, &(x, y, text)) in lines.iter().enumerate() {
        let mut at = x;
        for text in text.split(' ') {
            let width = text.chars().count() as f32 * 6.0;
            words.push(Word {
                x0: at,
                y0: y,
                x1: at + width,
                y1: y + 12.0,
                text: text.into(),
                block: index as u32,
                line: index as u32,
                confidence: None,
            });
            at += width + 4.0;
        }
    }
    Page {
        width: 595.0,
        height: 842.0,
        words,
        rules: Vec::new(),
        confidence: None,
    }
}

fn text(pages: &[Page]) -> String {
    document(pages, "application/pdf", "PDF").text
}

const FULL: &str = "Căn cứ chức năng nhiệm vụ được giao đơn vị đã triển khai đầy đủ các nội dung";

#[test]
fn lines_broken_for_lack_of_room_are_one_paragraph() {
    let page = page(&[
        (90.0, 100.0, FULL),
        (80.0, 116.0, FULL),
        (80.0, 132.0, "đúng hạn."),
        (90.0, 148.0, FULL),
        (80.0, 164.0, "và tiếp tục."),
    ]);
    assert_eq!(text(&[page]), format!("{FULL} {FULL} đúng hạn.\n{FULL} và tiếp tục."));
}

#[test]
fn a_paragraph_goes_on_over_the_page_its_footnote_waits() {
    let mut first = page(&[(80.0, 700.0, FULL), (80.0, 716.0, FULL), (86.0, 770.0, "Ghi chú nhỏ.")]);
    // The mark of the note: smaller, raised.
    first.words.insert(
        first.words.len() - 3,
        Word {
            x0: 80.0,
            y0: 769.0,
            x1: 83.0,
            y1: 775.0,
            text: "1".into(),
            block: 2,
            line: 2,
            confidence: None,
        },
    );
    let second = page(&[
        (290.0, 40.0, "2"),
        (80.0, 80.0, "hết."),
        (90.0, 96.0, FULL),
        (80.0, 112.0, FULL),
    ]);
    assert_eq!(
        text(&[first, second]),
        format!("{FULL} {FULL} hết.\n¹ Ghi chú nhỏ.\n{FULL} {FULL}")
    );
}

#[test]
fn mastheads_are_read_down_their_columns() {
    let page = page(&[
        (60.0, 60.0, "UBND TỈNH KHÊ LAM"),
        (260.0, 60.0, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (60.0, 76.0, "SỞ NỘI VỤ"),
        (300.0, 76.0, "Độc lập - Tự do - Hạnh phúc"),
        (60.0, 100.0, "Số: 12/BC-SNV"),
        (280.0, 100.0, "Khê Lam, ngày 05 tháng 7 năm 2024"),
        (260.0, 140.0, "BÁO CÁO"),
    ]);
    let text = text(&[page]);
    assert!(text.starts_with("UBND TỈNH KHÊ LAM\nSỞ NỘI VỤ\n"), "{text}");
    assert!(text.find("SNV").unwrap() < text.find("CỘNG").unwrap(), "{text}");
}

#[test]
fn a_number_drawn_over_its_blank_joins_its_symbol() {
    let page = page(&[
        (60.0, 100.0, "Số:"),
        (85.0, 100.0, "542"),
        (130.0, 100.0, "/TB-UBND"),
        (280.0, 100.0, "Khê Lam, ngày"),
        (368.0, 100.0, "06"),
        (395.0, 100.0, "tháng 11 năm 2024"),
    ]);
    assert_eq!(text(&[page]), "Số: 542/TB-UBND\tKhê Lam, ngày 06 tháng 11 năm 2024");
}

#[test]
fn signatures_say_themselves_in_one_line() {
    let mut signed = page(&[
        (430.0, 10.0, "SỞ NỘI VỤ"),
        (430.0, 24.0, "09.01.2025 10:21:11 +07:00"),
        (60.0, 60.0, "UBND TỈNH KHÊ LAM"),
    ]);
    for word in &mut signed.words {
        word.block = u32::from(word.y0 > 50.0);
    }
    assert!(text(&[signed]).starts_with("SỞ NỘI VỤ 09.01.2025 10:21:11 +07:00\n"));
}

#[test]
fn rows_of_tables_have_bars_and_their_cells_stay_whole() {
    let page = page(&[
        (80.0, 100.0, "1"),
        (120.0, 100.0, "Huyện Đồng Lộc và"),
        (320.0, 100.0, "1.250"),
        (420.0, 100.0, "900"),
        (120.0, 114.0, "các xã vùng cao"),
        (80.0, 140.0, "2"),
        (120.0, 140.0, "Huyện Nà Pha"),
        (320.0, 140.0, "310"),
        (420.0, 140.0, "245"),
    ]);
    let expected = "1 | Huyện Đồng Lộc và các xã vùng cao | 1.250 | 900\n2 | Huyện Nà Pha | 310 | 245";
    assert_eq!(text(&[page]), expected);
}

#[test]
fn a_crooked_scan_is_read_in_rows() {
    let mut crooked = page(&[
        (80.0, 100.0, "STT Nội dung công việc đã làm trong năm"),
        (420.0, 100.0, "Kết quả"),
        (80.0, 130.0, "1 Tuyên truyền pháp luật cho người dân"),
        (420.0, 130.0, "120 buổi"),
    ]);
    crooked.confidence = Some(95);
    for word in &mut crooked.words {
        let shift = 0.03 * word.x0;
        word.y0 += shift;
        word.y1 += shift;
    }
    let text = text(&[crooked]);
    assert!(
        text.contains("trong năm\tKết quả\n") && text.contains("người dân\t120 buổi"),
        "{text}"
    );
}

#[test]
fn words_without_sound_places_are_left_out() {
    let mut page = page(&[(80.0, 100.0, "BÁO CÁO")]);
    page.words[1].x0 = f32::NAN;
    page.words.push(Word {
        x0: f32::INFINITY,
        ..page.words[0].clone()
    });
    assert_eq!(text(&[page]), "BÁO");
    assert_eq!(text(&[Page::default(), Page::default()]), "");
}

/// Rules around cells whose edges are given, without those that are left out: `(x, y)` of their middles.
fn rules(xs: &[f32], ys: &[f32], left_out: &[(f32, f32)]) -> Vec<Rule> {
    let is_drawn = |rule: &Rule| {
        let middle = ((rule.x0 + rule.x1) / 2.0, (rule.y0 + rule.y1) / 2.0);
        !left_out.contains(&middle)
    };
    let across = ys.iter().flat_map(|&y| {
        xs.windows(2).map(move |two| Rule {
            x0: two[0],
            x1: two[1],
            y0: y,
            y1: y,
        })
    });
    let down = xs.iter().flat_map(|&x| {
        ys.windows(2).map(move |two| Rule {
            x0: x,
            x1: x,
            y0: two[0],
            y1: two[1],
        })
    });
    across.chain(down).filter(is_drawn).collect()
}

const COLUMNS: [f32; 4] = [70.0, 110.0, 210.0, 300.0];

#[test]
fn what_stands_between_rules_is_a_cell() {
    let mut page = page(&[
        (80.0, 60.0, "Theo bảng dưới đây:"),
        (80.0, 100.0, "TT"),
        (120.0, 100.0, "Đơn vị"),
        (220.0, 100.0, "Hồ sơ"),
        (80.0, 130.0, "1"),
        // Its lines stand above and below those beside it, and nearer to them than words do.
        (112.0, 124.0, "Viễn thám và"),
        (112.0, 138.0, "khí tượng"),
        (206.0, 130.0, "1.250"),
        (80.0, 160.0, "Cộng"),
        (220.0, 160.0, "1.590"),
        (80.0, 200.0, "Hết bảng."),
    ]);
    // Its last row has two cells joined.
    page.rules = rules(&COLUMNS, &[95.0, 120.0, 155.0, 180.0], &[(110.0, 167.5)]);
    let document = document(&[page], "application/pdf", "PDF");
    let rows = "TT | Đơn vị | Hồ sơ\n1 | Viễn thám và khí tượng | 1.250\nCộng | | 1.590";
    assert_eq!(document.text, format!("Theo bảng dưới đây:\n\n{rows}\n\nHết bảng."));
    let [table] = document.tables.as_slice() else {
        panic!("{:?}", document.tables)
    };
    assert_eq!(table.span.of(&document.text), rows);
    let cells: Vec<Vec<(&str, u32, u32)>> = table
        .rows
        .iter()
        .map(|row| {
            let cells = row.cells.iter();
            cells
                .map(|cell| (cell.span.of(&document.text), cell.column, cell.columns))
                .collect()
        })
        .collect();
    assert_eq!(
        cells[1],
        [("1", 0, 1), ("Viễn thám và khí tượng", 1, 1), ("1.250", 2, 1)]
    );
    assert_eq!(cells[2], [("Cộng", 0, 2), ("1.590", 2, 1)]);
}

#[test]
fn a_table_goes_on_over_the_page_without_its_headings_again() {
    let mut first = page(&[
        (80.0, 700.0, "TT"),
        (120.0, 700.0, "Đơn vị"),
        (220.0, 700.0, "Hồ sơ"),
        (80.0, 730.0, "1"),
        (120.0, 730.0, "Huyện"),
        (220.0, 730.0, "12"),
    ]);
    first.rules = rules(&COLUMNS, &[695.0, 720.0, 745.0], &[]);
    let mut second = page(&[
        (290.0, 40.0, "2"),
        (80.0, 80.0, "TT"),
        (120.0, 80.0, "Đơn vị"),
        (220.0, 80.0, "Hồ sơ"),
        // The rest of the row that the page break cut.
        (120.0, 110.0, "Nà Pha"),
        (80.0, 140.0, "2"),
        (120.0, 140.0, "Xã Lộc"),
        (220.0, 140.0, "34"),
    ]);
    second.rules = rules(&COLUMNS, &[75.0, 100.0, 125.0, 155.0], &[]);
    let document = document(&[first, second], "application/pdf", "PDF");
    assert_eq!(
        document.text,
        "TT | Đơn vị | Hồ sơ\n1 | Huyện Nà Pha | 12\n2 | Xã Lộc | 34"
    );
    assert_eq!((document.tables.len(), document.tables[0].rows.len()), (1, 3));
    assert_eq!(document.pages[1].span.of(&document.text), "2 | Xã Lộc | 34");
}

#[test]
fn rules_around_a_masthead_or_a_drawing_make_no_table() {
    let words = [
        (80.0, 60.0, "UBND TỈNH KHÊ LAM"),
        (320.0, 60.0, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (80.0, 90.0, "Số: 12/BC-SNV"),
        (320.0, 90.0, "Khê Lam, ngày 05 tháng 7 năm 2024"),
    ];
    let plain = text(&[page(&words)]);
    let mut ruled = page(&words);
    ruled.rules = rules(&[70.0, 300.0, 590.0], &[50.0, 80.0, 110.0], &[]);
    assert_eq!(text(&[ruled]), plain);
    let mut drawn = page(&words);
    let line = |at: usize| Rule {
        x0: at as f32 % 500.0,
        x1: at as f32 % 500.0 + 40.0,
        y0: 60.0,
        y1: 60.0,
    };
    drawn.rules = (0..5000).map(line).collect();
    assert_eq!(text(&[drawn]), plain);
}

#[test]
fn labels_hang_beside_their_text() {
    let page = page(&[
        (80.0, 100.0, "II."),
        (130.0, 100.0, "KẾT QUẢ THỰC HIỆN"),
        (80.0, 130.0, "-"),
        (110.0, 130.0, "Cấp tỉnh: 54 hồ sơ;"),
        (80.0, 160.0, "1"),
        (130.0, 160.0, "Huyện Nà Pha"),
    ]);
    let text = text(&[page]);
    assert!(text.contains("II. KẾT QUẢ THỰC HIỆN\n"), "{text}");
    assert!(text.contains("- Cấp tỉnh: 54 hồ sơ;\n"), "{text}");
    assert!(text.contains("1\tHuyện Nà Pha"), "{text}");
}

#[test]
fn names_and_dates_broken_for_lack_of_room_are_one_line() {
    let page = page(&[
        (60.0, 60.0, "UBND TỈNH BÌNH LƯƠNG"),
        (240.0, 60.0, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (52.0, 76.0, "SỞ TÀI NGUYÊN VÀ MÔI"),
        (300.0, 76.0, "Độc lập - Tự do - Hạnh phúc"),
        (96.0, 92.0, "TRƯỜNG"),
        (60.0, 110.0, "Số: 12/BC-STNMT"),
        (260.0, 110.0, "Bình Lương, ngày 25 tháng 3 năm"),
        (340.0, 126.0, "2024"),
        (250.0, 160.0, "BÁO CÁO"),
    ]);
    let text = text(&[page]);
    for line in [
        "SỞ TÀI NGUYÊN VÀ MÔI TRƯỜNG\n",
        "Bình Lương, ngày 25 tháng 3 năm 2024\n",
        "UBND TỈNH BÌNH LƯƠNG\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}
