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

fn check(table: &[(&str, &[&str])]) {
    for (text, expected) in table {
        assert_eq!(&figures(text), expected, "{text}");
    }
}

#[test]
fn counts_with_units() {
    check(&[
        (
            "Tỉnh ban hành 1.327 văn bản chỉ đạo.",
            &["1.327 văn bản | Count 1327 văn bản"],
        ),
        (
            "Có 05 đơn vị, 12 HTX tham gia.",
            &["05 đơn vị | Count 5 đơn vị", "12 HTX | Count 12 HTX"],
        ),
        (
            "Tiếp 31 lượt đoàn đông người.",
            &["31 lượt đoàn đông người | Count 31 lượt"],
        ),
        (
            "Duy trì 46 điểm giao dịch tại các huyện.",
            &["46 điểm giao dịch | Count 46 điểm"],
        ),
        (
            "Khen thưởng 02 đ/c, 03 tập thể.",
            &["02 đ/c | Count 2 đ/c", "03 tập thể | Count 3 tập thể"],
        ),
        (
            "Hơn 1,2 triệu lượt khách.",
            &["1,2 triệu lượt khách | Count 1200000 lượt Over"],
        ),
        (
            "Tổ chức hai hội nghị và ba lớp tập huấn.",
            &["hai hội nghị | Count 2 hội nghị", "ba lớp | Count 3 lớp"],
        ),
        ("Số hồ sơ tiếp nhận: 1.234.", &["1.234 | Count 1234 hồ sơ"]),
    ]);
}

#[test]
fn other_kinds() {
    check(&[
        (
            "Có 226/226 xã, phường hoàn thành (đạt 100%).",
            &["226/226 xã | Ratio 226/226 xã", "100% | Percent 100 %"],
        ),
        (
            "Chỉ số xếp thứ 34/63, tăng 6 bậc.",
            &["34/63 | Rank 34/63 ", "6 bậc | Count 6 bậc Increase"],
        ),
        (
            "Nằm trong top 10 cả nước, đứng thứ 5.",
            &["10 | Rank 10 ", "5 | Rank 5 "],
        ),
        (
            "Thuộc nhóm 10 địa phương có kết quả cao nhất.",
            &["10 địa phương | Rank 10 địa phương"],
        ),
        ("Thuộc nhóm 16 tỉnh trung bình thấp.", &["16 tỉnh | Count 16 tỉnh"]),
        (
            "Kinh phí khoảng 90 tỷ đồng, mỗi hộ 500.000đ.",
            &["90 tỷ đồng | Money 90000000000 đồng About", "500.000đ | Money 500000 đ"],
        ),
        (
            "Thu 2.345 tỷ 600 triệu đồng.",
            &["2.345 tỷ 600 triệu đồng | Money 2345600000000 đồng"],
        ),
        (
            "Tổng kết 05 năm thực hiện; thời hạn 03 ngày làm việc.",
            &["05 năm | Duration 5 năm", "03 ngày | Duration 3 ngày"],
        ),
        (
            "Chấm 12/12 điểm; đạt 85,3 điểm; PAPI đạt 46.0415 điểm.",
            &[
                "12/12 điểm | Score 12/12 điểm",
                "85,3 điểm | Score 85.3 điểm",
                "46.0415 điểm | Score 46.0415 điểm",
            ],
        ),
        (
            "Thu hồi 10ha, 1.250 m², 2,5 km2.",
            &["10ha | Area 10 ha", "1.250 m² | Area 1250 m²", "2,5 km2 | Area 2.5 km2"],
        ),
    ]);
}

#[test]
fn approximation_and_change() {
    check(&[
        ("Ước đạt hơn 108.000 lượt.", &["108.000 lượt | Count 108000 lượt Over"]),
        ("GRDP ước tăng 7,51%.", &["7,51% | Percent 7.51 % Estimated Increase"]),
        (
            "Tỷ lệ hộ nghèo giảm còn 1,32%, giảm 0,42%.",
            &["1,32% | Percent 1.32 %", "0,42% | Percent 0.42 % Decrease"],
        ),
        (
            "Có thêm 12 xã đạt chuẩn; hiện có từ 05 người trở lên.",
            &["12 xã | Count 12 xã Increase", "05 người | Count 5 người Over"],
        ),
        (
            "Tối thiểu 20%, không quá 15 ngày, dưới 10 ha.",
            &[
                "20% | Percent 20 % Over",
                "15 ngày | Duration 15 ngày Under",
                "10 ha | Area 10 ha Under",
            ],
        ),
        (
            "64 thí sinh đạt giải trên tổng số 88 thí sinh.",
            &["64 thí sinh | Count 64 thí sinh", "88 thí sinh | Count 88 thí sinh"],
        ),
        (
            "Giảm 17 tổng cục, 10 cục và 144 vụ.",
            &[
                "17 tổng cục | Count 17 tổng cục Decrease",
                "10 cục | Count 10 cục Decrease",
                "144 vụ | Count 144 vụ Decrease",
            ],
        ),
        (
            "Giảm 30-50% chi phí.",
            &["30 | Percent 30 % Decrease", "50% | Percent 50 % Decrease"],
        ),
        (
            "Tốc độ tăng trưởng kinh tế đạt 8,19%.",
            &["8,19% | Percent 8.19 % Increase"],
        ),
    ]);
}

#[test]
fn units_are_shared_in_lists() {
    check(&[
        (
            "Ban hành mới 16; sửa đổi, bổ sung 17 và bãi bỏ 48 TTHC.",
            &["16 | Count 16 TTHC", "17 | Count 17 TTHC", "48 TTHC | Count 48 TTHC"],
        ),
        (
            "Có 60 mô hình (kinh tế 20, văn hóa - xã hội 30, an ninh 10).",
            &[
                "60 mô hình | Count 60 mô hình",
                "20 | Count 20 mô hình",
                "30 | Count 30 mô hình",
                "10 | Count 10 mô hình",
            ],
        ),
        (
            "Tiếp 45 lượt/ 61 người/ 12 vụ việc.",
            &[
                "45 lượt | Count 45 lượt",
                "61 người | Count 61 người",
                "12 vụ việc | Count 12 vụ việc",
            ],
        ),
        (
            "Nhận 63/18/133 đơn.",
            &["63 | Count 63 đơn", "18 | Count 18 đơn", "133 đơn | Count 133 đơn"],
        ),
        (
            "Đơn: 25 đơn, gồm:\n- Khiếu nại: 20;\n- Tố cáo: 5.",
            &["25 đơn | Count 25 đơn", "20 | Count 20 đơn", "5 | Count 5 đơn"],
        ),
    ]);
}

#[test]
fn ranks_without_thu() {
    check(&[
        (
            "Xếp thứ 21/63, tăng 7 bậc so với năm trước (28/63).",
            &[
                "21/63 | Rank 21/63 ",
                "7 bậc | Count 7 bậc Increase",
                "28/63 | Rank 28/63 ",
            ],
        ),
        ("Chỉ số PAR INDEX năm 2022 đạt 28/63.", &["28/63 | Rank 28/63 "]),
        ("Chỉ số ICT Index đứng 9/18 sở.", &["9/18 sở | Rank 9/18 sở"]),
        ("Năm 2020 xã ở thứ 9/18.", &["9/18 | Rank 9/18 "]),
        (
            "Xếp thứ 3 trong 18 sở; xếp thứ 5 trên tổng số 63 tỉnh.",
            &[
                "3 trong 18 sở | Rank 3/18 sở",
                "5 trên tổng số 63 tỉnh | Rank 5/63 tỉnh",
            ],
        ),
        (
            "Chỉ số hài lòng tại 12/15 đơn vị đạt; tăng 5/10 chỉ số.",
            &[
                "12/15 đơn vị | Ratio 12/15 đơn vị",
                "5/10 chỉ số | Ratio 5/10 chỉ số Increase",
            ],
        ),
    ]);
}

#[test]
fn number_words_before_what_is_counted() {
    check(&[
        (
            "Ban chỉ đạo họp hai lần,phân công mười thành viên.",
            &["hai lần | Count 2 lần", "mười thành viên | Count 10 thành viên"],
        ),
        (
            "Có tám nhóm Zalo; cấp ba bộ máy tính; làm ba sân chơi; thay hai cột điện.",
            &[
                "tám nhóm | Count 8 nhóm",
                "ba bộ | Count 3 bộ",
                "ba sân chơi | Count 3 sân chơi",
                "hai cột điện | Count 2 cột điện",
            ],
        ),
        (
            "Tặng ba chục phần quà cho một trăm linh năm hộ, năm mươi hộ cận nghèo.",
            &[
                "ba chục phần quà | Count 30 phần quà",
                "một trăm linh năm hộ | Count 105 hộ",
                "năm mươi hộ | Count 50 hộ",
            ],
        ),
        (
            "Vận động hai trăm triệu đồng; có hai cơ quan chưa nộp.",
            &[
                "hai trăm triệu đồng | Money 200000000 đồng",
                "hai cơ quan | Count 2 cơ quan",
            ],
        ),
        (
            "Tổ chức 01 (một) hội nghị; giảm năm (05) xã.",
            &["01 (một) hội nghị | Count 1 hội nghị", "05) xã | Count 5 xã"],
        ),
    ]);
}

#[test]
fn sloppy_typing_and_old_spelling() {
    check(&[
        (
            "Xã có 11 thôn,1.286 hộ;phạt 7.500.000đ,2/5 máy tính hỏng.Cử 01 bác sỹ.",
            &[
                "11 thôn | Count 11 thôn",
                "1.286 hộ | Count 1286 hộ",
                "7.500.000đ | Money 7500000 đ",
                "2/5 máy tính | Ratio 2/5 máy tính",
                "01 bác sỹ | Count 1 bác sỹ",
            ],
        ),
        (
            "Chứng thực trong buổi.12 hồ sơ trễ hẹn; tổng số:15 vụ.",
            &["12 hồ sơ | Count 12 hồ sơ", "15 vụ | Count 15 vụ"],
        ),
        (
            "Thu 350trđ, 1,5 tỉ đồng, 86 triệu 200 nghìn.",
            &[
                "350trđ | Money 350000000 đ",
                "1,5 tỉ đồng | Money 1500000000 đồng",
                "86 triệu 200 nghìn | Money 86200000 ",
            ],
        ),
        (
            "Bố trí 1,2 tỷ vốn vay, 300 triệu tiền mặt cho 1,2 triệu lượt người.",
            &[
                "1,2 tỷ | Money 1200000000 ",
                "300 triệu | Money 300000000 ",
                "1,2 triệu lượt người | Count 1200000 lượt",
            ],
        ),
        ("Chuyển lên trên 06 vụ.", &["06 vụ | Count 6 vụ"]),
        (
            "Công khai khoản thu đầu năm học 38/38 trường.",
            &["38/38 trường | Ratio 38/38 trường"],
        ),
    ]);
}

#[test]
fn ranges() {
    check(&[
        (
            "Giải quyết từ 5 đến 7 ngày, giảm 2-3 ngày.",
            &[
                "5 | Duration 5 ngày",
                "7 ngày | Duration 7 ngày",
                "2 | Duration 2 ngày Decrease",
                "3 ngày | Duration 3 ngày Decrease",
            ],
        ),
        (
            "Giảm từ 12 xuống còn 8 phòng; cấp xã: 5/8; cấp tỉnh: 12/15 TTHC.",
            &[
                "12 | Count 12 phòng",
                "8 phòng | Count 8 phòng",
                "5/8 | Ratio 5/8 TTHC",
                "12/15 TTHC | Ratio 12/15 TTHC",
            ],
        ),
        (
            "Mỗi năm tổ chức từ 02 - 03 cuộc; chi từ 10 đến 15 triệu đồng.",
            &[
                "02 | Count 2 cuộc",
                "03 cuộc | Count 3 cuộc",
                "10 | Money 10000000 đồng",
                "15 triệu đồng | Money 15000000 đồng",
            ],
        ),
    ]);
}

#[test]
fn sorts_and_rows() {
    check(&[
        (
            "Xếp loại chi bộ: 13 tốt, 3 khá, 1 trung bình.",
            &["13 | Count 13 chi bộ", "3 | Count 3 chi bộ", "1 | Count 1 chi bộ"],
        ),
        (
            "Mở 36 hội nghị với 4.200 lượt người, trong đó trực tiếp 29, trực tuyến 7; đăng 318 tin.",
            &[
                "36 hội nghị | Count 36 hội nghị",
                "4.200 lượt người | Count 4200 lượt",
                "29 | Count 29 hội nghị",
                "7 | Count 7 hội nghị",
                "318 tin | Count 318 tin",
            ],
        ),
        (
            "Cử 12 đ/c học cao cấp, 25 học trung cấp.",
            &["12 đ/c | Count 12 đ/c", "25 | Count 25 đ/c"],
        ),
        ("Xếp loại: Tốt: 15; khá: 5.", &["15 | Count 15 ", "5 | Count 5 "]),
        (
            "Vi phạm chủ yếu: dân số 31, đất đai 11, tài chính 8, còn lại là vi phạm khác.",
            &["31 | Count 31 ", "11 | Count 11 ", "8 | Count 8 "],
        ),
        (
            "Cao su 415 ha, điều 88 ha; sau 36 giờ mới xong; kéo dài bình quân 03 tháng; kết luận 29 đảng viên.",
            &[
                "415 ha | Area 415 ha",
                "88 ha | Area 88 ha",
                "36 giờ | Duration 36 giờ",
                "03 tháng | Duration 3 tháng",
                "29 đảng viên | Count 29 đảng viên",
            ],
        ),
        (
            "Có 45 ca: Đông Xá 16, Kim Bảng 29 ca.",
            &["45 ca | Count 45 ca", "16 | Count 16 ca", "29 ca | Count 29 ca"],
        ),
        (
            "Tổng số đơn: 45. Trong đó: khiếu nại 12, tố cáo 33.",
            &["45 | Count 45 đơn", "12 | Count 12 đơn", "33 | Count 33 đơn"],
        ),
    ]);
}

#[test]
fn what_figures_count() {
    for (text, subjects) in [
        (
            "- 09/13 doanh nghiệp (69,2%) tổ chức hội nghị người lao động.",
            vec![
                "doanh nghiệp | tổ chức hội nghị người lao động",
                "doanh nghiệp | tổ chức hội nghị người lao động",
            ],
        ),
        (
            "Có 10/10 huyện, thành phố; 226/226 xã, phường niêm yết công khai.",
            vec!["huyện, thành phố | niêm yết công khai", "xã, phường niêm yết công khai"],
        ),
        (
            "Phát hiện 106 vụ vi phạm, giảm 12 vụ so với cùng kỳ.",
            vec!["vụ vi phạm | Phát hiện", "vụ vi phạm | so với cùng kỳ"],
        ),
        (
            "Kết quả kiểm tra công vụ:\n- Năm 2016: 14 cuộc;\n- Năm 2017: 18 cuộc.",
            vec!["Kết quả kiểm tra công vụ", "Kết quả kiểm tra công vụ"],
        ),
        ("Việc sắp xếp 12 phòng.", vec!["phòng | Việc sắp xếp"]),
        (
            "Kỷ luật 47 đảng viên, gồm: khiển trách 31 đồng chí, cảnh cáo 16 đồng chí.",
            vec!["đảng viên | Kỷ luật", "đảng viên | khiển trách", "đảng viên | cảnh cáo"],
        ),
        (
            "Toàn trường có 527 học sinh. Xếp loại Tốt 462 em.",
            vec!["học sinh | Toàn trường", "học sinh | Xếp loại Tốt"],
        ),
        (
            "Trao 312 suất quà, trị giá 156 triệu đồng.",
            vec!["quà | Trao", "trị giá | quà"],
        ),
        (
            "Diện tích tự nhiên 1.846 ha, có 11 thôn.",
            vec!["Diện tích tự nhiên", "thôn"],
        ),
        ("Nạo vét 7,2 km kênh mương.", vec!["kênh mương | Nạo vét"]),
        ("Có 318 nhà bị sập, đổ, cuốn trôi.", vec!["nhà bị sập, đổ, cuốn trôi"]),
    ] {
        let document = Document::plain(format!("BÁO CÁO\nKết quả\n\n{text}\n"));
        let layout = Layout::of(&document);
        let read: Vec<String> = extract(&document, &layout, Vocabulary::embedded(), &[], &[])
            .iter()
            .map(|measure| {
                let parts = [measure.subject, measure.qualifier];
                let parts: Vec<&str> = parts.iter().flatten().map(|span| span.of(&document.text)).collect();
                parts.join(" | ")
            })
            .collect();
        let same: Vec<bool> = read
            .iter()
            .zip(&subjects)
            .map(|(read, subject)| read == subject)
            .collect();
        assert!(
            same.iter().all(|same| *same) && read.len() == subjects.len(),
            "{text}: {read:?}"
        );
    }
}

#[test]
fn what_is_no_figure() {
    for text in [
        "Ngày 03/6/2023, tháng 5/2024, quý II năm 2023, 6 tháng đầu năm, giai đoạn 2021-2025, nhiệm kỳ 2020 - 2025.",
        "Theo Điều 7, khoản 2, mức độ 3 và 4, kỳ họp thứ 15, lần thứ XX, Đề án 06, Chương trình 135.",
        "Kế hoạch số 12/KH-UBND, Nghị quyết 25-NQ/TW, văn bản số 1234/SNV-CCHC.",
        "Quốc lộ 1A, đường tỉnh ĐT 961, đường 30/4, phường 7, thôn 3, COVID-19, mạng 5G, ISO 9001:2015.",
        "Điện thoại 0912.345.678; lúc 14 giờ 30 phút; từ 7 giờ đến 17 giờ; trực 24/24 giờ.",
        "Chính quyền 3 cấp, trẻ em dưới 16 tuổi, cơ chế một cửa, một số nơi, “3 sạch”, sản phẩm 4 sao.",
        "Bản đồ tỷ lệ 1/500; từ 01/7 đến 30/9; dịp lễ 30/4 và 01/5; Ngày Nhà giáo Việt Nam 20/11.",
        "thứ hai, lần hai, Hai Bà Trưng, Ba Đình, hai bên, hai chiều.",
        "Hai cơ quan phối hợp; cả hai huyện; “ba công khai”, \"bốn tốt\"; mười điều; hai ngày 15 và 16/5.",
        "Lũy kế 10 tháng đạt khá; trẻ 18 tháng được tiêm chủng; vắc xin 5 trong 1; trong tháng 10 phục vụ tưới tiêu.",
        "SĐT: 0912345678; Số: 12; QL.12; sáng thứ 2 hàng tuần; trong tháng 6, 7 và 8; Điều 12, 13 và 14 Luật Cư trú.",
    ] {
        assert_eq!(figures(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn tables_are_read_by_cells() {
    let text = "TT | Lĩnh vực | Tiếp nhận (hồ sơ) | Diện tích (ha) | Tiền (triệu đồng) | Tỷ lệ (%)\n\
                1 | Đất đai | 1.218 | 5,5 | 100 | 97,75\n2 | Nước | 12 | 1 | 7 | 80\nTổng cộng | 1.230 | 6,5 | 107 |";
    assert_eq!(
        figures(text),
        [
            "1.218 | Count 1218 hồ sơ",
            "5,5 | Area 5.5 ha",
            "100 | Money 100000000 đồng",
            "97,75 | Percent 97.75 %",
            "12 | Count 12 hồ sơ",
            "1 | Area 1 ha",
            "7 | Money 7000000 đồng",
            "80 | Percent 80 %",
            "1.230 | Count 1230 hồ sơ",
            "6,5 | Area 6.5 ha",
            "107 | Money 107000000 đồng",
        ]
    );
}

#[test]
fn columns_may_be_set_by_spaces() {
    let rows = "6         4          158       74\n7         4          146       70\n8         3          117       57\nCộng      11         421       201";
    let text = format!("Khối      Số lớp     Số học sinh     Nữ\n{rows}\nCác lớp đều học cả ngày.");
    assert_eq!(
        figures(&text)[..4],
        [
            "4 | Count 4 lớp",
            "158 | Count 158 học sinh",
            "74 | Count 74 ",
            "4 | Count 4 lớp",
        ]
    );
    assert_eq!(figures(&text).len(), 12);
    // A masthead in two columns, a form and a single row are no tables.
    let form = "Họ và tên      Lớp      Điểm\nĐã kiểm tra  12 đơn vị.";
    assert_eq!(figures(form), ["12 đơn vị | Count 12 đơn vị"]);
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    /// Words, numbers and marks as reports have them, in any order.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "5",
            "05",
            "1.327",
            "12,5",
            "2023",
            "34/63",
            "1/5",
            "63/18/133",
            "5-7",
            "%",
            " tỷ",
            " triệu",
            " đồng",
            "đ/c",
            " lượt",
            " người",
            " hồ sơ",
            " xã",
            ", ",
            "; ",
            ". ",
            ": ",
            " (",
            ") ",
            "\n",
            "\n- ",
            "\n| ",
            " | ",
            "\t",
            " trong đó ",
            " gồm ",
            " giảm ",
            " còn ",
            " khoảng ",
            " xếp thứ ",
            " số ",
            " ngày ",
            " năm ",
            " tháng ",
            "²",
            "¹",
            "…",
            "“",
            "”",
            " hai ",
            " ba ",
            " Điều ",
            "/",
            "-",
            "ộ",
            "😀",
            " trở lên",
            "trđ",
            "TRĐ\u{301}",
            " tốt",
            " trăm ",
            " chục ",
            "(một)",
            " đến ",
            " xuống còn ",
            " tại ",
            " trong ",
            " sở",
            " chỉ số ",
            " thứ ",
            " so với ",
            "Trong đó: ",
            "; ",
            "%) có",
        ]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn spans_are_in_order_and_on_character_boundaries(text in text()) {
            let document = Document::plain(format!("BÁO CÁO\nKết quả\n\n{text}"));
            let layout = Layout::of(&document);
            let measures = extract(&document, &layout, Vocabulary::embedded(), &[], &[]);
            for measure in &measures {
                prop_assert!(document.text.get(measure.span.range()).is_some_and(|text| !text.is_empty()));
                for span in [measure.subject, measure.qualifier, measure.unit.span()].into_iter().flatten() {
                    prop_assert!(document.text.get(span.range()).is_some_and(|text| !text.is_empty()));
                }
            }
            prop_assert!(measures.windows(2).all(|pair| pair[0].span.start < pair[1].span.start));
            let breakdowns = crate::extract::breakdowns::extract(&document, &layout, Vocabulary::embedded(), &[], &measures);
            for breakdown in &breakdowns {
                prop_assert!(breakdown.total < measures.len());
                prop_assert!(breakdown.parts.iter().all(|&part| part < measures.len() && part != breakdown.total));
            }
        }
    }
}
