//! What every document of this kind says in the same words is put right where recognition got a
//! letter wrong: type word, motto, "Nơi nhận", the day of the masthead; stamps are told from text.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::decode::geometry::{Page, Word, is_signature};

/// Lines that stand alone, by their letters without marks.
const LINES: [&str; 13] = [
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "ĐẢNG CỘNG SẢN VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "BÁO CÁO",
    "CHỈ THỊ",
    "THÔNG BÁO",
    "QUYẾT ĐỊNH",
    "NGHỊ QUYẾT",
    "KẾ HOẠCH",
    "TỜ TRÌNH",
    "KẾT LUẬN",
    "HƯỚNG DẪN",
    "CÔNG ĐIỆN",
];

/// Mends the words of a recognised page. `layer` are the words of its text layer.
pub fn page(page: &mut Page, layer: &[Word], first: bool) {
    for line in page.words.chunk_by_mut(|a, b| a.line == b.line) {
        mend_line(line);
    }
    if first {
        drop_above_motto(page);
        drop_incoming_stamp(page);
        mend_day(page, layer);
    }
    take_signatures(page, layer);
}

/// Letters without marks, in capitals.
fn fold(text: &str) -> String {
    let bare = text.nfd().filter(|c| !is_combining_mark(*c)).map(|c| match c {
        'đ' | 'Đ' => 'D',
        c => c,
    });
    bare.filter(|c| c.is_alphanumeric())
        .flat_map(char::to_uppercase)
        .collect()
}

fn mend_line(line: &mut [Word]) {
    let said: String = line.iter().map(|word| fold(&word.text)).collect();
    if let Some(right) = LINES.iter().find(|right| fold(right) == said) {
        let words: Vec<&str> = right.split(' ').collect();
        if words.len() == line.len() {
            for (word, right) in line.iter_mut().zip(words) {
                word.text = right.to_owned();
            }
        }
    }
    // "Vơi nhận:", ";Vơi nhận:"
    if let [first, second, ..] = line
        && fold(&second.text) == "NHAN"
        && second.text.ends_with(':')
        && fold(&first.text).ends_with("OI")
        && first.text.chars().count() <= 5
    {
        first.text = "Nơi".into();
        second.text = "nhận:".into();
    }
}

/// Above the motto stand seals and logos at most: what is not sure there is theirs.
fn drop_above_motto(page: &mut Page) {
    const SURE: f32 = 75.0;
    let is_motto = |two: &[Word]| {
        matches!(
            (two[0].text.as_str(), two[1].text.as_str()),
            ("CỘNG", "HÒA") | ("ĐẢNG", "CỘNG")
        )
    };
    let Some(top) = page.words.windows(2).find(|two| is_motto(two)).map(|two| two[0].y0) else {
        return;
    };
    page.words
        .retain(|word| word.y1 > top || word.confidence.unwrap_or(100.0) >= SURE);
}

/// An "incoming" stamp ("ĐẾN", Số, Ngày, Chuyển) lies over the text: of what stands around its word,
/// what is not sure is the stamp's, and so are its labels.
fn drop_incoming_stamp(page: &mut Page) {
    const SURE: f32 = 80.0;
    let is_stamp = |word: &&Word| word.text == "ĐẾN" && word.y1 < page.height * 0.5 && word.x0 < page.width * 0.4;
    let Some(stamp) = page.words.iter().find(is_stamp).cloned() else {
        return;
    };
    let labels = ["SO", "NGAY", "CHUYEN", "GIO", "CV", "LUU", "DEN"];
    let near = |word: &Word| (word.y0 - stamp.y0).abs() < 0.055 * page.height && word.x0 < stamp.x0 + 0.28 * page.width;
    page.words.retain(|word| {
        let label =
            labels.contains(&fold(&word.text).as_str()) && (word.text.contains([':', '.']) || word.text == "ĐẾN");
        !(near(word) && (label || word.confidence.unwrap_or(100.0) < SURE))
    });
}

/// "ngày Ø3 tháng": letters that look like digits, in a day, are digits. Where the day is past
/// reading, the date of the issuer's digital signature tells it, if month and year are the printed ones.
fn mend_day(page: &mut Page, layer: &[Word]) {
    let upper = |word: &Word| word.y1 < page.height / 3.0;
    let Some(month) = page.words.windows(3).position(|words| {
        upper(&words[1])
            && fold(&words[1].text) == "THANG"
            && fold(&words[0].text) != "NGAY"
            && is_number(&words[2].text)
    }) else {
        return;
    };
    let Some(before) = month.checked_sub(1).map(|index| fold(&page.words[index].text)) else {
        return;
    };
    let said = page.words[month].text.clone();
    if before == "NGAY" {
        let digits: Option<String> = said.chars().map(digit).collect();
        let day = digits.filter(|digits| digits.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day)));
        if let Some(day) = day.or_else(|| signed_day(page, month, layer)) {
            page.words[month].text = day;
        }
        return;
    }
    // "ngàu/{": the day runs into its label.
    if said.to_lowercase().starts_with("ngà") {
        let day = signed_day(page, month, layer).unwrap_or_else(|| "     ".into());
        page.words[month].text = format!("ngày {day}");
    }
}

/// The day of the issuer's digital signature, if its month and year are those behind a word.
fn signed_day(page: &Page, at: usize, layer: &[Word]) -> Option<String> {
    let number = |index: usize| {
        page.words
            .get(index)?
            .text
            .trim_end_matches([',', '.'])
            .parse::<u32>()
            .ok()
    };
    let (month, year) = (number(at + 2)?, number(at + 4)?);
    let signatures = layer
        .chunk_by(|a, b| a.block == b.block)
        .filter(|block| is_signature(block) && block.iter().any(|word| matches!(word.text.as_str(), "Ký" | "ký")));
    signatures.flatten().find_map(|word| {
        let parts: Vec<u32> = word
            .text
            .split(['/', '.', '-'])
            .filter_map(|part| part.parse().ok())
            .collect();
        (parts.len() == 3 && parts[1] == month && parts[2] == year).then(|| format!("{:02}", parts[0]))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        'Ø' | 'ø' | 'O' | 'o' | 'Q' | 'D' => Some('0'),
        'l' | 'I' | 'i' | 'í' => Some('1'),
        'Z' | 'z' => Some('2'),
        'S' | 's' => Some('5'),
        'B' => Some('8'),
        _ => None,
    }
}

/// The appearance of a digital signature says itself what the image shows only blurred.
fn take_signatures(page: &mut Page, layer: &[Word]) {
    /// Blocks and lines of the layer must not be taken for those of the image.
    const APART: u32 = 1 << 20;
    for block in layer
        .chunk_by(|a, b| a.block == b.block)
        .filter(|block| is_signature(block))
    {
        let edge =
            |pick: fn(&Word) -> f32, fold: fn(f32, f32) -> f32| block.iter().map(pick).reduce(fold).unwrap_or(0.0);
        let (x0, x1) = (edge(|w| w.x0, f32::min), edge(|w| w.x1, f32::max));
        let (y0, y1) = (edge(|w| w.y0, f32::min), edge(|w| w.y1, f32::max));
        page.words.retain(|word| {
            let (x, y) = ((word.x0 + word.x1) / 2.0, (word.y0 + word.y1) / 2.0);
            !(x0 - 2.0..x1 + 2.0).contains(&x) || !(y0 - 2.0..y1 + 2.0).contains(&y)
        });
        page.words.extend(block.iter().map(|word| Word {
            block: word.block + APART,
            line: word.line + APART,
            ..word.clone()
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let words = text.split(' ').enumerate();
        words
            .map(|(index, text)| Word {
                x0: index as f32 * 30.0,
                x1: index as f32 * 30.0 + 25.0,
                y0: 100.0,
                y1: 112.0,
                text: text.into(),
                confidence: Some(90.0),
                ..Word::default()
            })
            .collect()
    }

    fn mended(text: &str, layer: &[Word]) -> String {
        let mut recognised = Page {
            width: 595.0,
            height: 842.0,
            words: words(text),
            rules: Vec::new(),
            confidence: Some(90),
        };
        page(&mut recognised, layer, true);
        let texts: Vec<String> = recognised.words.into_iter().map(|word| word.text).collect();
        texts.join(" ")
    }

    #[test]
    fn fixed_lines_are_put_right_and_others_left() {
        assert_eq!(mended("CHÍ THỊ", &[]), "CHỈ THỊ");
        assert_eq!(mended("CỘNG HÔA XÃ HỘI CHÚ NGHĨA VIỆT NAM", &[]), LINES[0]);
        assert_eq!(mended(";Vơi nhận:", &[]), "Nơi nhận:");
        assert_eq!(mended("CHI THI đua", &[]), "CHI THI đua");
    }

    #[test]
    fn look_alikes_in_a_day_are_digits() {
        assert_eq!(mended("ngày Ø3 tháng 4 năm 2018", &[]), "ngày 03 tháng 4 năm 2018");
        assert_eq!(mended("ngày 03 tháng 4 năm 2018", &[]), "ngày 03 tháng 4 năm 2018");
    }

    #[test]
    fn a_signature_tells_a_day_past_reading_only_in_the_printed_month() {
        let signature = words("Ký bởi: Ủy ban Thời gian ký: 11/05/2021 11:26:39");
        let text = mended("Hà Nội, ngàu/{ tháng 5 năm 2021", &signature);
        assert!(
            text.starts_with("Ký") || text.contains("ngày 11 tháng 5 năm 2021"),
            "{text}"
        );
        let text = mended("Hà Nội, ngày /{ tháng 6 năm 2021", &signature);
        assert!(!text.contains("ngày 11"), "{text}");
    }

    #[test]
    fn an_incoming_stamp_goes_its_neighbours_stay() {
        let mut recognised = Page {
            width: 595.0,
            height: 842.0,
            words: words("ĐẾN Số: 2770 cấp"),
            rules: Vec::new(),
            confidence: Some(90),
        };
        recognised.words[2].confidence = Some(40.0);
        page(&mut recognised, &[], true);
        let texts: Vec<&str> = recognised.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["cấp"]);
    }
}
