//! HTML: the characters first, then its paragraphs, lists and tables.
//!
//! Read as a stream of tags, without a tree: a document of any nesting takes time and memory in proportion to its
//! length, where the ready-made converters hang on nested elements or take gigabytes for large ones.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252, WINDOWS_1258};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;

use super::{
    Limits, Refusal,
    blocks::{self, Block, Cell, Paragraph, Table},
    docx::{numbering, superscript},
    encoding::{self, Legacy},
};
use crate::document::Document;

/// The media type of HTML.
pub const MEDIA_TYPE: &str = "text/html";
/// The declaration of a charset is looked for in so many bytes.
const HEAD: usize = 4096;

/// Decodes an HTML page.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    let (text, name, sure) = characters(bytes);
    let (mut blocks, mut legacy) = Page::read(&text, limits)?;
    let mut name = if legacy == Legacy::None { name } else { legacy.name() };
    if legacy == Legacy::None {
        legacy = encoding::mend_blocks(&mut blocks);
        if legacy != Legacy::None {
            name = legacy.name();
        } else if !sure {
            // No declaration: of the Western and the Vietnamese code page the one that spells Vietnamese.
            let (other, _) = WINDOWS_1258.decode_without_bom_handling(bytes);
            let (vietnamese, _) = Page::read(&other.nfc().collect::<String>(), limits)?;
            if encoding::spells(&vietnamese) > encoding::spells(&blocks) {
                (blocks, name) = (vietnamese, "windows-1258");
            }
        }
    }
    blocks::write(blocks, MEDIA_TYPE, name, limits)
}

/// The characters of a page, the name of their encoding, and whether that is sure.
fn characters(bytes: &[u8]) -> (Cow<'_, str>, &'static str, bool) {
    if let Some(text) = encoding::utf16(bytes) {
        return (Cow::Owned(text), "UTF-16", true);
    }
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return (Cow::Borrowed(text), "UTF-8", true);
    }
    let declared = declared(bytes).filter(|encoding| *encoding != encoding_rs::UTF_8);
    let encoding = declared.unwrap_or(WINDOWS_1252);
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    (text, encoding.name(), declared.is_some())
}

/// The charset that a page declares.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(HEAD)].to_ascii_lowercase();
    let at = memchr::memmem::find(&head, b"charset=")? + b"charset=".len();
    let label: Vec<u8> = head[at..]
        .iter()
        .copied()
        .skip_while(|byte| matches!(byte, b'"' | b'\'' | b' '))
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
        .collect();
    // Fonts of old encodings were declared so, to keep browsers from touching the bytes.
    if label == b"x-user-defined" {
        return Some(WINDOWS_1252);
    }
    Encoding::for_label(&label)
}

/// A list being read.
struct List {
    /// The kind of numbers; empty for bullets.
    kind: String,
    count: u32,
}

/// A table being read.
#[derive(Default)]
struct TableBuilder {
    table: Table,
    row: Vec<Cell>,
    column: u32,
    /// Cells that reach down into rows below, by column: columns, rows left.
    reaching: FxHashMap<u32, (u32, u32)>,
    cell: Option<OpenCell>,
    in_row: bool,
}

struct OpenCell {
    columns: u32,
    rows: u32,
    paragraphs: Vec<Paragraph>,
}

/// What an element sets for all that stands in it.
struct Scope<T> {
    element: String,
    /// How many tables it stands in.
    tables: usize,
    value: T,
}

/// A page being read.
struct Page<'l> {
    limits: &'l Limits,
    blocks: Vec<Block>,
    tables: Vec<TableBuilder>,
    lists: Vec<List>,
    /// Encodings that fonts imply, with the elements that set them.
    fonts: Vec<Scope<Legacy>>,
    /// The text of the open paragraph, by encoding.
    pieces: Vec<(Legacy, String)>,
    label: String,
    /// Elements that show what stands in them in capitals.
    capitals: Vec<Scope<()>>,
    /// Elements that centre what stands in them.
    centring: Vec<Scope<()>>,
    centred: bool,
    raised: usize,
    preformatted: usize,
    /// An element that is passed over, and how many of its name are open.
    skipped: Option<(String, usize)>,
    bytes: usize,
    paragraphs: usize,
    cells: usize,
    legacy: Legacy,
}

impl<'l> Page<'l> {
    fn read(text: &str, limits: &'l Limits) -> Result<(Vec<Block>, Legacy), Refusal> {
        let mut page = Self {
            limits,
            blocks: Vec::new(),
            tables: Vec::new(),
            lists: Vec::new(),
            fonts: Vec::new(),
            pieces: Vec::new(),
            label: String::new(),
            capitals: Vec::new(),
            centring: Vec::new(),
            centred: false,
            raised: 0,
            preformatted: 0,
            skipped: None,
            bytes: 0,
            paragraphs: 0,
            cells: 0,
            legacy: Legacy::None,
        };
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(text, emitter) {
            match token {
                Ok(Token::StartTag(tag)) => page.start(&tag)?,
                Ok(Token::EndTag(tag)) => page.end(&name_of(&tag.name))?,
                Ok(Token::String(text)) => page.text(&String::from_utf8_lossy(&text))?,
                Ok(_) => {}
                Err(never) => match never {},
            }
        }
        while !page.tables.is_empty() {
            page.end_table()?;
        }
        page.end_paragraph()?;
        Ok((page.blocks, page.legacy))
    }

    fn start(&mut self, tag: &StartTag<()>) -> Result<(), Refusal> {
        let name = name_of(&tag.name);
        if let Some((skipped, open)) = &mut self.skipped {
            if *skipped == name {
                *open += 1;
            }
            return Ok(());
        }
        let attribute = |key: &str| {
            let value = tag.attributes.get(key.as_bytes());
            value.map(|value| String::from_utf8_lossy(value).to_ascii_lowercase())
        };
        let style: String = attribute("style").unwrap_or_default().split_whitespace().collect();
        let hidden = attribute("hidden").is_some() || style.contains("display:none") || style.contains("mso-hide:all");
        if (is_skipped(&name) || hidden) && !is_void(&name) && !tag.self_closing {
            if is_block(&name) {
                self.end_paragraph()?;
            }
            self.skipped = Some((name, 1));
            return Ok(());
        }
        if is_block(&name) {
            self.end_paragraph()?;
            self.imply_ends(&name);
            self.centred = false;
        }
        let tables = self.tables.len();
        let centred =
            attribute("align").as_deref() == Some("center") || style.contains("text-align:center") || name == "center";
        if centred && is_block(&name) && !is_void(&name) {
            let scope = Scope {
                element: name.clone(),
                tables,
                value: (),
            };
            self.push_bounded(|page| &mut page.centring, scope)?;
        }
        if style.contains("text-transform:uppercase") && !is_void(&name) {
            let scope = Scope {
                element: name.clone(),
                tables,
                value: (),
            };
            self.push_bounded(|page| &mut page.capitals, scope)?;
        }
        let font = attribute("face").or_else(|| font_family(&style));
        if let Some(font) = font.filter(|_| !is_void(&name)) {
            let legacy = Legacy::of_font(
                font.split(',')
                    .next()
                    .unwrap_or_default()
                    .trim_matches(['"', '\'', ' ']),
            );
            let scope = Scope {
                element: name.clone(),
                tables,
                value: legacy,
            };
            self.push_bounded(|page| &mut page.fonts, scope)?;
        }
        match name.as_str() {
            "br" => self.push("\n"),
            "sup" => self.raised += 1,
            "pre" => self.preformatted += 1,
            "ul" | "ol" => {
                let kind = if name == "ul" { String::new() } else { list_kind(tag) };
                let start = attribute("start")
                    .and_then(|start| start.parse::<u32>().ok())
                    .unwrap_or(1);
                let count = start.saturating_sub(1);
                self.push_bounded(|page| &mut page.lists, List { kind, count })?;
            }
            "li" => {
                let value = attribute("value").and_then(|value| value.parse::<u32>().ok());
                self.label = match self.lists.last_mut() {
                    Some(list) if !list.kind.is_empty() => {
                        list.count = value.unwrap_or(list.count.saturating_add(1));
                        format!("{}. ", numbering::number(&list.kind, list.count))
                    }
                    _ => "- ".to_owned(),
                };
            }
            "table" => {
                let border = attribute("border").is_some_and(|border| border != "0") || style.contains("border:1");
                let mut table = TableBuilder::default();
                table.table.ruled = border;
                self.push_bounded(|page| &mut page.tables, table)?;
            }
            "tr" => self.start_row()?,
            "td" | "th" => {
                let span = |key: &str| {
                    attribute(key)
                        .and_then(|span| span.trim().parse::<u32>().ok())
                        .unwrap_or(1)
                };
                self.start_cell(span("colspan").clamp(1, 1000), span("rowspan").clamp(1, 65_534))?;
            }
            _ => {}
        }
        self.centred |= !self.centring.is_empty();
        Ok(())
    }

    /// Puts something on a stack that nesting makes higher.
    fn push_bounded<T>(&mut self, stack: impl Fn(&mut Self) -> &mut Vec<T>, item: T) -> Result<(), Refusal> {
        let limit = self.limits.max_depth;
        let stack = stack(self);
        if stack.len() >= limit {
            return Err(Refusal::too_many(
                ("độ sâu lồng nhau của HTML", "the nesting of HTML elements is"),
                limit,
                "decode.max_depth",
            ));
        }
        stack.push(item);
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), Refusal> {
        if let Some((skipped, open)) = &mut self.skipped {
            if skipped == name {
                *open -= 1;
                if *open == 0 {
                    self.skipped = None;
                }
            }
            return Ok(());
        }
        if is_block(name) {
            self.end_paragraph()?;
        }
        self.close(name);
        if is_block(name) {
            self.centred = !self.centring.is_empty();
        }
        match name {
            "sup" => self.raised = self.raised.saturating_sub(1),
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            "ul" | "ol" => {
                self.lists.pop();
            }
            "td" | "th" => self.end_cell()?,
            "tr" => self.end_row()?,
            "table" => self.end_table()?,
            _ => {}
        }
        Ok(())
    }

    /// Ends what an element sets, and all that was opened within it and not closed; not beyond the table it stands in.
    fn close(&mut self, element: &str) {
        fn close<T>(scopes: &mut Vec<Scope<T>>, element: &str, tables: usize) {
            let inside = |scope: &Scope<T>| scope.tables >= tables && scope.element == element;
            if let Some(at) = scopes.iter().rposition(inside) {
                scopes.truncate(at);
            }
        }
        let tables = self.tables.len();
        close(&mut self.centring, element, tables);
        close(&mut self.fonts, element, tables);
        close(&mut self.capitals, element, tables);
    }

    /// Ends the elements that end where this one begins: a paragraph before any block, a cell before the next.
    fn imply_ends(&mut self, name: &str) {
        let ended: &[&str] = match name {
            "li" => &["p", "li"],
            "td" | "th" => &["p", "td", "th"],
            "tr" => &["p", "td", "th", "tr"],
            _ => &["p"],
        };
        ended.iter().for_each(|element| self.close(element));
    }

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if self.skipped.is_some() {
            return Ok(());
        }
        // Text between the cells of a table is none of them.
        if self.tables.last().is_some_and(|table| table.cell.is_none()) && text.trim().is_empty() {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > self.limits.max_text_bytes {
            return Err(Refusal::too_large(
                ("văn bản", "the text"),
                self.bytes,
                self.limits.max_text_bytes,
                "decode.max_text_bytes",
            ));
        }
        let mark = text.trim();
        if self.raised > 0 && !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_digit()) {
            self.push_in(Legacy::None, &superscript(mark));
        } else if self.preformatted > 0 {
            self.push(text);
        } else {
            self.push_collapsed(text);
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        let legacy = self.fonts.last().map(|font| font.value).unwrap_or_default();
        if !text.trim().is_empty() {
            self.legacy = legacy.or(self.legacy);
        }
        if self.capitals.is_empty() {
            self.push_in(legacy, text);
        } else {
            self.push_in(Legacy::None, &legacy.decode(text).to_uppercase());
        }
    }

    fn push_in(&mut self, legacy: Legacy, text: &str) {
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == legacy => piece.push_str(text),
            _ => self.pieces.push((legacy, text.to_owned())),
        }
    }

    /// Adds text whose white space, but for no-break spaces, counts as one space.
    fn push_collapsed(&mut self, text: &str) {
        let mut out = String::with_capacity(text.len());
        let mut space = self.pieces.last().is_none_or(|(_, piece)| piece.ends_with([' ', '\n']));
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let behind = chars.peek().copied().unwrap_or(' ');
            if c == '\t' && !space && !behind.is_whitespace() {
                // Between two words a tab is one of a word processor, not of the page's source.
                out.push(c);
            } else if matches!(c, ' ' | '\n' | '\t' | '\r' | '\u{C}') {
                if !space {
                    out.push(' ');
                }
                space = true;
            } else {
                out.push(c);
                space = false;
            }
        }
        self.push(&out);
    }

    fn end_paragraph(&mut self) -> Result<(), Refusal> {
        let mut text = String::new();
        for (legacy, piece) in self.pieces.drain(..) {
            text.push_str(&legacy.decode(&piece));
        }
        let centred = std::mem::take(&mut self.centred);
        if text.trim_matches(|c: char| c.is_whitespace()).is_empty() {
            return Ok(());
        }
        text.insert_str(0, &std::mem::take(&mut self.label));
        self.paragraphs += 1;
        if self.paragraphs > self.limits.max_paragraphs {
            return Err(Refusal::too_many(
                ("số đoạn văn", "the number of paragraphs is"),
                self.limits.max_paragraphs,
                "decode.max_paragraphs",
            ));
        }
        let paragraph = Paragraph {
            text,
            centred,
            ..Paragraph::default()
        };
        match self.tables.iter_mut().rev().find_map(|table| table.cell.as_mut()) {
            Some(cell) => cell.paragraphs.push(paragraph),
            None => self.blocks.push(Block::Paragraph(paragraph)),
        }
        Ok(())
    }

    fn start_row(&mut self) -> Result<(), Refusal> {
        self.end_row()?;
        if let Some(table) = self.tables.last_mut() {
            table.in_row = true;
        }
        Ok(())
    }

    fn start_cell(&mut self, columns: u32, rows: u32) -> Result<(), Refusal> {
        self.end_cell()?;
        self.cover()?;
        if let Some(table) = self.tables.last_mut() {
            table.in_row = true;
            table.cell = Some(OpenCell {
                columns,
                rows,
                paragraphs: Vec::new(),
            });
        }
        Ok(())
    }

    fn count(&mut self, cells: u32) -> Result<(), Refusal> {
        self.cells = self.cells.saturating_add(cells as usize);
        if self.cells > self.limits.max_cells {
            return Err(Refusal::too_many(
                ("số ô trong bảng", "the number of cells in tables is"),
                self.limits.max_cells,
                "decode.max_cells",
            ));
        }
        Ok(())
    }

    /// Puts the cells that reach down from rows above in their places, up to the next free column.
    fn cover(&mut self) -> Result<(), Refusal> {
        loop {
            let Some(table) = self.tables.last_mut() else {
                return Ok(());
            };
            let column = table.column;
            let Some((columns, left)) = table.reaching.get_mut(&column).filter(|(_, left)| *left > 0) else {
                return Ok(());
            };
            *left -= 1;
            let columns = *columns;
            table.row.push(Cell {
                paragraphs: Vec::new(),
                column,
                columns,
                continued: true,
            });
            table.column += columns;
            self.count(columns)?;
        }
    }

    fn end_cell(&mut self) -> Result<(), Refusal> {
        let Some(table) = self.tables.last_mut() else {
            return Ok(());
        };
        let Some(cell) = table.cell.take() else {
            return Ok(());
        };
        // This row is the first of them.
        table.reaching.insert(table.column, (cell.columns, cell.rows - 1));
        table.row.push(Cell {
            paragraphs: cell.paragraphs,
            column: table.column,
            columns: cell.columns,
            continued: false,
        });
        table.column += cell.columns;
        self.count(cell.columns)
    }

    fn end_row(&mut self) -> Result<(), Refusal> {
        self.end_cell()?;
        if self.tables.last().is_some_and(|table| table.in_row) {
            self.cover()?;
        }
        if let Some(table) = self.tables.last_mut() {
            table.in_row = false;
            table.column = 0;
            let row = std::mem::take(&mut table.row);
            if !row.is_empty() {
                table.table.rows.push(row);
            }
        }
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), Refusal> {
        self.end_paragraph()?;
        self.end_row()?;
        let inside = self.tables.len();
        self.centring.retain(|scope| scope.tables < inside);
        self.fonts.retain(|scope| scope.tables < inside);
        self.capitals.retain(|scope| scope.tables < inside);
        let Some(table) = self.tables.pop().map(|builder| builder.table) else {
            return Ok(());
        };
        if table.rows.is_empty() {
            return Ok(());
        }
        match self.tables.iter_mut().rev().find_map(|table| table.cell.as_mut()) {
            Some(cell) => cell.paragraphs.extend(blocks::flatten(table)),
            None => self.blocks.push(Block::Table(table)),
        }
        Ok(())
    }
}

fn name_of(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// The first font of a style without white space.
fn font_family(style: &str) -> Option<String> {
    let at = style.find("font-family:")? + "font-family:".len();
    style[at..].split(';').next().map(str::to_owned)
}

/// How an ordered list counts; case matters.
fn list_kind(tag: &StartTag<()>) -> String {
    let kind = tag.attributes.get("type".as_bytes());
    kind.map_or("1".to_owned(), |kind| String::from_utf8_lossy(kind).into_owned())
}

/// Elements whose content is not shown, or was deleted.
fn is_skipped(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "head"
            | "title"
            | "template"
            | "noscript"
            | "select"
            | "textarea"
            | "svg"
            | "math"
            | "object"
            | "iframe"
            | "del"
    )
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "hr" | "img" | "input" | "meta" | "link" | "col" | "wbr" | "area" | "base" | "embed" | "source"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "li"
            | "ul"
            | "ol"
            | "table"
            | "caption"
            | "thead"
            | "tbody"
            | "tfoot"
            | "tr"
            | "td"
            | "th"
            | "hr"
            | "blockquote"
            | "center"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "nav"
            | "main"
            | "aside"
            | "dl"
            | "dt"
            | "dd"
            | "pre"
            | "form"
            | "fieldset"
            | "address"
            | "body"
            | "html"
            | "figure"
            | "figcaption"
            | "head"
            | "title"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(html: &str) -> String {
        decode(html.as_bytes(), &Limits::default()).unwrap().text
    }

    #[test]
    fn paragraphs_lists_and_marks() {
        let html = "<!DOCTYPE html><html><head><title>x</title><style>p {a: '<p>'}</style></head><body><script>if (a<b) {}</script>\
            <center><b>BÁO CÁO</b></center><p align=center>Kết   quả\n năm 2024<p>Đất<sup>1</sup> 5&nbsp;m<sup>2</sup> &amp; &#7879;\
            <ol type=I start=2><li>MỘT<ul><li>a</ul><li>HAI</ol><p style='display: none'>ẩn</p><del>xóa</del>cuối";
        assert_eq!(
            text(html),
            "BÁO CÁO\nKết quả năm 2024\n\nĐất¹ 5 m² & ệ\n\nII. MỘT\n\n- a\n\nIII. HAI\n\ncuối\n"
        );
    }

    #[test]
    fn tables_with_cells_over_rows_and_columns() {
        let html =
            "<table border=1><tr><th rowspan=2>Xã<th colspan=2>Hồ sơ<tr><td>Nhận<td>Trả<tr><td>A<td>5<td></table>";
        let document = decode(html.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(document.text, "Xã | Hồ sơ |\n| Nhận | Trả\nA | 5 |\n");
        assert_eq!(document.tables[0].rows.len(), 3);
    }

    #[test]
    fn a_masthead_table_is_read_by_columns() {
        let html = "<table><tr><td>UBND TỈNH<br>SỞ Y TẾ<td>CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM<br>Độc lập<tr><td>Số: 1/BC-SYT<td>Hà Nội, ngày 1</table>";
        assert_eq!(
            text(html),
            "UBND TỈNH\nSỞ Y TẾ\nSố: 1/BC-SYT\n\nCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập\nHà Nội, ngày 1\n"
        );
    }

    #[test]
    fn charsets_declared_and_not() {
        let legacy = "<html><meta charset=windows-1252><font face='.VnTime'>Uû ban nh©n d©n</font></html>";
        let (bytes, ..) = WINDOWS_1252.encode(legacy);
        let document = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!((document.text.trim(), document.encoding), ("Uỷ ban nhân dân", "TCVN3"));
        let (bytes, ..) =
            WINDOWS_1258.encode("<html><p>Nê\u{301}u đươ\u{323}c chi\u{309} đa\u{323}o thi\u{300} tô\u{301}t</html>");
        let document = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!(
            (document.text.trim(), document.encoding),
            ("Nếu được chỉ đạo thì tốt", "windows-1258")
        );
    }

    #[test]
    fn nesting_costs_no_more_than_its_length() {
        let deep = format!("{}x{}", "<div>".repeat(200_000), "</div>".repeat(200_000));
        assert_eq!(text(&deep), "x\n");
        let tables = "<table><tr><td>".repeat(1000);
        assert!(
            decode(tables.as_bytes(), &Limits::default())
                .unwrap_err()
                .message_en
                .contains("decode.max_depth")
        );
        let wide = "<table>".to_owned() + &"<tr><td rowspan=60000 colspan=1000>a".repeat(3000);
        assert!(
            decode(wide.as_bytes(), &Limits::default())
                .unwrap_err()
                .message_en
                .contains("decode.max_cells")
        );
    }

    proptest! {
        #[test]
        fn any_tag_soup_is_read(soup in "(<(/)?(p|div|td|tr|table|li|ol|ul|sup|font face='VNI-Times'|pre|br)( rowspan=2| hidden)?>|[a-z1ø© ]{0,3}){0,60}") {
            let _ = decode(soup.as_bytes(), &Limits::default());
        }
    }
}
