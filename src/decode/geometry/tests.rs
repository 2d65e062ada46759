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
