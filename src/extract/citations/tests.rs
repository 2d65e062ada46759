use proptest::prelude::*;

use super::*;
use crate::extract;

/// Citations of a text as "span|type|number|date|issuer|term|subject".
fn cited(text: &str) -> Vec<String> {
    let document = Document::plain(text);
    let report = extract::extract(&document, Vocabulary::embedded());
    let part = |span: Option<Span>| span.map_or("", |span| span.of(&document.text));
    let show = |citation: &Citation| {
        let number = part(citation.symbol.as_ref().map(|symbol| symbol.span));
        let date = citation.date.map_or(String::new(), |date| date.to_string());
        format!(
            "{}|{}|{number}|{date}|{}|{}|{}",
            citation.span.of(&document.text),
            citation.document_type,
            part(citation.issuer),
            part(citation.term),
            part(citation.subject)
        )
    };
    report.citations.iter().map(show).collect()
}

#[test]
fn one_document() {
    for (text, expected) in [
        (
            "Thực hiện Kế hoạch số 12/KH-UBND, ngày 03/4/2022 của UBND tỉnh về trồng rừng, Sở đã làm.",
            "Kế hoạch số 12/KH-UBND, ngày 03/4/2022|Kế hoạch|12/KH-UBND|2022-04-03|UBND tỉnh||trồng rừng",
        ),
        (
            "Thực hiện Công văn số 312-CV/UBKTTU, ngày 04/11/2022 của Ủy ban Kiểm tra Tỉnh ủy, Ủy ban Kiểm tra (UBKT) Huyện ủy báo cáo.",
            "Công văn số 312-CV/UBKTTU, ngày 04/11/2022|Công văn|312-CV/UBKTTU|2022-11-04|Ủy ban Kiểm tra Tỉnh ủy||",
        ),
        (
            "theo Thông tư số 36/2017/TT-BGDĐT ngày 28/12/2017 của Bộ GD&ĐT về công khai. Trường",
            "Thông tư số 36/2017/TT-BGDĐT ngày 28/12/2017|Thông tư|36/2017/TT-BGDĐT|2017-12-28|Bộ GD&ĐT||công khai",
        ),
        (
            "theo QĐ 31-QĐ/TU của Ban Thường vụ Tỉnh ủy (khóa XX) về “Về việc ban hành Quy chế “một cửa” mới”; và",
            "QĐ 31-QĐ/TU|Quyết định|31-QĐ/TU||Ban Thường vụ Tỉnh ủy|XX|ban hành Quy chế “một cửa” mới",
        ),
        (
            "nêu tại văn bản (số 33/CT-TTg) trên",
            "số 33/CT-TTg|Chỉ thị|33/CT-TTg||||",
        ),
        (
            "theo số31-QĐ/TW, ngày 5 tháng 6 năm 2021.",
            "số31-QĐ/TW, ngày 5 tháng 6 năm 2021|Quyết định|31-QĐ/TW|2021-06-05|||",
        ),
        (
            "Nghị quyết của Quốc hội số 7/2031/QH17 ngày 12/6/2031 về quy hoạch cảng;",
            "Nghị quyết của Quốc hội số 7/2031/QH17 ngày 12/6/2031|Nghị quyết|7/2031/QH17|2031-06-12|Quốc hội||quy hoạch cảng",
        ),
        (
            "ban hành Kế hoạch kiểm tra số 15/KH-STP (ngày 02/3/2024).",
            "Kế hoạch kiểm tra số 15/KH-STP (ngày 02/3/2024|Kế hoạch kiểm tra|15/KH-STP|2024-03-02|||",
        ),
        (
            "Nghị quyết số 9-NQ/TW ngày 05-8-2008, Hội nghị lần thứ bảy Ban Chấp hành Trung ương khóa X về nông thôn.",
            "Nghị quyết số 9-NQ/TW ngày 05-8-2008|Nghị quyết|9-NQ/TW|2008-08-05||X|nông thôn",
        ),
        (
            "Chỉ thị 08 của Bộ Chính trị, khóa XII",
            "Chỉ thị 08|Chỉ thị|08||Bộ Chính trị|XII|",
        ),
        (
            "Theo quy chuẩn QCVN 44:2019/BXYZ thì",
            "quy chuẩn QCVN 44:2019/BXYZ|Quy chuẩn|QCVN 44:2019/BXYZ||||",
        ),
        (
            "THỰC HIỆN KẾ HOẠCH SỐ 64/KH-UBND NGÀY 19/8/2022 CỦA UBND TỈNH VỀ CÔNG TÁC GIỐNG",
            "KẾ HOẠCH SỐ 64/KH-UBND NGÀY 19/8/2022|Kế hoạch|64/KH-UBND|2022-08-19|UBND TỈNH||CÔNG TÁC GIỐNG",
        ),
    ] {
        assert_eq!(cited(text), [expected], "{text}");
    }
}

#[test]
fn lists_share_type_issuer_and_term() {
    for (text, expected) in [
        (
            "các Quyết định số 2-QĐ/TW, số 3-QĐ/TW và 4-QĐ/TW của Bộ Chính trị (khóa XI).",
            vec![
                "Quyết định số 2-QĐ/TW|Quyết định|2-QĐ/TW||Bộ Chính trị|XI|",
                "số 3-QĐ/TW|Quyết định|3-QĐ/TW||Bộ Chính trị|XI|",
                "4-QĐ/TW|Quyết định|4-QĐ/TW||Bộ Chính trị|XI|",
            ],
        ),
        (
            "Quyết định số 17, 18 của Bộ Chính trị",
            vec![
                "Quyết định số 17|Quyết định|17||Bộ Chính trị||",
                "18|Quyết định|18||Bộ Chính trị||",
            ],
        ),
        (
            "Chỉ thị số 1-CT/TU về “A b”; Kết luận số 2-KL/TU ngày 1/2/2021 về giữ rừng của Ban Thường vụ Tỉnh ủy, lực lượng đã đi.",
            vec![
                "Chỉ thị số 1-CT/TU|Chỉ thị|1-CT/TU||Ban Thường vụ Tỉnh ủy||A b",
                "Kết luận số 2-KL/TU ngày 1/2/2021|Kết luận|2-KL/TU|2021-02-01|Ban Thường vụ Tỉnh ủy||giữ rừng",
            ],
        ),
        // A body that cannot have issued it is not shared.
        (
            "Kế hoạch số 45/KH-UBND và Quyết định số 8/QĐ-TTg của Thủ tướng Chính phủ.",
            vec![
                "Kế hoạch số 45/KH-UBND|Kế hoạch|45/KH-UBND||||",
                "Quyết định số 8/QĐ-TTg|Quyết định|8/QĐ-TTg||Thủ tướng Chính phủ||",
            ],
        ),
        (
            "(Nghị quyết 5-NQ/TW, Nghị quyết 6-NQ/TW) của Bộ Chính trị",
            vec![
                "Nghị quyết 5-NQ/TW|Nghị quyết|5-NQ/TW||Bộ Chính trị||",
                "Nghị quyết 6-NQ/TW|Nghị quyết|6-NQ/TW||Bộ Chính trị||",
            ],
        ),
        (
            "các Quy định: số 37-QĐ/TW, số 41-QĐ/TW",
            vec!["số 37-QĐ/TW|Quy định|37-QĐ/TW||||", "số 41-QĐ/TW|Quy định|41-QĐ/TW||||"],
        ),
    ] {
        assert_eq!(cited(text), expected, "{text}");
    }
}

#[test]
fn documents_inside_subjects_are_entries_of_their_own() {
    let text =
        "ban hành Công văn số 5-CV/TU về việc “Triển khai Kết luận số 6-KL/TW của Ban Bí thư về giữ “nếp nhà””. Sau đó";
    assert_eq!(
        cited(text),
        [
            "Công văn số 5-CV/TU|Công văn|5-CV/TU||||Triển khai Kết luận số 6-KL/TW của Ban Bí thư về giữ “nếp nhà”",
            "Kết luận số 6-KL/TW|Kết luận|6-KL/TW||Ban Bí thư||giữ “nếp nhà”",
        ]
    );
}

#[test]
fn a_title_whose_quote_never_closes_ends_where_the_sentence_goes_on() {
    let text =
        "Chỉ thị số 1-CT/TU về “Đẩy mạnh thi đua “Dân vận khéo” của Ban Thường vụ Tỉnh ủy, Kế hoạch số 2/KH-UBND.";
    assert_eq!(
        cited(text)[0],
        "Chỉ thị số 1-CT/TU|Chỉ thị|1-CT/TU||Ban Thường vụ Tỉnh ủy||Đẩy mạnh thi đua “Dân vận khéo”"
    );
}

#[test]
fn named_laws() {
    for (text, expected) in [
        (
            "theo Bộ Luật hình sự, Luật Đất đai năm 2013 và",
            vec![
                "Bộ Luật hình sự|Bộ luật|||||hình sự",
                "Luật Đất đai năm 2013|Luật||2013-00-00|||Đất đai",
            ],
        ),
        (
            "thi hành Luật Quản trị biển số năm 2030 đã",
            vec!["Luật Quản trị biển số năm 2030|Luật||2030-00-00|||Quản trị biển số"],
        ),
        (
            "Luật Đất đai số 3/2034/QH17;",
            vec!["Luật Đất đai số 3/2034/QH17|Luật|3/2034/QH17||||Đất đai"],
        ),
        ("Luật số 5/2029/QH16.", vec!["Luật số 5/2029/QH16|Luật|5/2029/QH16||||"]),
        (
            "Luật sửa đổi, bổ sung một số điều của Luật Giá ngày 3/4/2031 có",
            vec![
                "Luật sửa đổi, bổ sung một số điều của Luật Giá ngày 3/4/2031|Luật||2031-04-03|||sửa đổi, bổ sung một số điều của Luật Giá",
                "Luật Giá|Luật|||||Giá",
            ],
        ),
        ("pháp luật, Hội Luật gia, theo luật, kỷ luật Đảng, luật đất đai", vec![]),
    ] {
        assert_eq!(cited(text), expected, "{text}");
    }
}

#[test]
fn numbers_wrapped_over_lines() {
    let text = "BÁO CÁO\nKết quả\n\nSở đã trình Quyết định số 45/QĐ-\nUBND ngày 01/02/2031, Kết luận số\n48-KL/TW và \
                Kế hoạch\nsố 12/\nKH-UBND ngày 05 tháng\n02 năm 2031 của\nUBND tỉnh.";
    let flat: Vec<String> = cited(text).into_iter().map(|row| row.replace('\n', " ")).collect();
    assert_eq!(
        flat,
        [
            "Quyết định số 45/QĐ- UBND ngày 01/02/2031|Quyết định|45/QĐ- UBND|2031-02-01|UBND tỉnh||",
            "Kết luận số 48-KL/TW|Kết luận|48-KL/TW||||",
            "Kế hoạch số 12/ KH-UBND ngày 05 tháng 02 năm 2031|Kế hoạch|12/ KH-UBND|2031-02-05|UBND tỉnh||",
        ]
    );
}

#[test]
fn what_is_no_citation() {
    for text in [
        "tỷ lệ 226/226 xã, 1.497/3.602 biên chế, ngày 03/6/2013, năm 2023 - UBND tỉnh",
        "Mẫu số 02/BC, Điều 7, khoản 3, điện thoại 0234.3822/456, Dự án số 3, Tổ số 5",
        "Nghị quyết Đại hội XIII của Đảng, Kế hoạch cải cách hành chính năm 2024",
        "Kế hoạch 2024, Kế hoạch 30 ngày đêm, Chương trình 135",
        "ban hành 12 quyết định, quyết định 12 trường hợp, giai đoạn 2021-2026, COVID-19",
    ] {
        assert_eq!(cited(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_body_that_acts_is_implied() {
    let document = Document::plain("Năm nay, UBND tỉnh đã ban hành Kế hoạch số 3/KH-UBND về trồng rừng.");
    let report = extract::extract(&document, Vocabulary::embedded());
    let implied = report.citations[0].issuer_implied.map(|span| span.of(&document.text));
    assert_eq!(implied, Some("UBND tỉnh"));
    assert_eq!(report.citations[0].issuer, None);
}

/// Words and marks of which citations are made, and some noise.
const PIECES: &[&str] = &[
    "Quyết định",
    "số",
    "12",
    "/",
    "-",
    "QĐ",
    "UBND",
    "TW",
    ",",
    ";",
    "(",
    ")",
    "“",
    "”",
    "\"",
    "ngày",
    "03/6/2013",
    "năm",
    "2015",
    "của",
    "UBND tỉnh",
    "Bộ Chính trị",
    "về",
    "về việc",
    "khóa",
    "XI",
    "Luật",
    "Đất đai",
    "và",
    "các",
    "\n",
    "\n\n",
    ".",
    "217",
    "218",
    "Kế hoạch",
    "giữa",
    "ban hành",
    "sửa đổi",
    "¹",
    "[1]",
    "**",
    "QCVN",
    ":",
    "số31",
    "ngày5",
    "Ð",
    "é",
    "日本",
    "\u{301}",
    "v/v",
    "Hội nghị",
];

proptest! {
    #[test]
    fn any_text_gives_spans_in_order_and_on_characters(
        pieces in prop::collection::vec((prop::sample::select(PIECES), any::<bool>()), 0..80),
        noise in ".{0,20}",
    ) {
        let mut text = String::new();
        for (piece, spaced) in pieces {
            text.push_str(piece);
            if spaced {
                text.push(' ');
            }
        }
        text.push_str(&noise);
        let document = Document::plain(text);
        let report = extract::extract(&document, Vocabulary::embedded());
        let mut last = 0;
        for citation in &report.citations {
            prop_assert!(last <= citation.span.start);
            last = citation.span.start;
            let parts = [Some(citation.span), citation.subject, citation.issuer, citation.term, citation.date_span];
            for span in parts.into_iter().flatten() {
                prop_assert!(document.text.get(span.range()).is_some_and(|part| !part.is_empty()));
            }
            prop_assert!(citation.document < report.documents.len());
        }
    }
}
