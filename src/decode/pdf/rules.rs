//! The straight rules of a page, from what `pdftocairo -svg` draws of it: borders of tables.
//!
//! A rule is a line that is stroked, or a thin box that is filled; which of them a program writes differs.

use crate::decode::geometry::Rule;

/// A box so thin, in points, is a rule.
const THIN: f32 = 3.0;
/// A shorter rule is a dash or a part of a letter.
const SHORT: f32 = 6.0;
/// More rules than this are a drawing; no more are read.
const MAX_RULES: usize = 5000;

/// Reads the rules; what makes no sense is left out.
pub fn read(svg: &str) -> Vec<Rule> {
    // Letters are defined in front.
    let drawn = svg.rfind("</defs>").map_or(svg, |at| &svg[at..]);
    let mut rules = Vec::new();
    for tag in drawn.split("<path ").skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let (Some(style), Some(path)) = (value(tag, "style"), value(tag, "d")) else {
            continue;
        };
        let place = value(tag, "transform").map_or(Some(Place::default()), Place::of);
        let Some(place) = place else { continue };
        let filled = !style.contains("fill:none");
        for shape in path.split('M').skip(1) {
            let points = points(shape, place);
            if filled {
                rules.extend(thin_box(&points));
            } else {
                rules.extend(points.windows(2).filter_map(thin_box));
            }
        }
        if rules.len() > MAX_RULES {
            break;
        }
    }
    rules
}

/// The value of an attribute.
fn value<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].bytes().next_back();
        let value = rest[at + name.len()..].strip_prefix("=\"");
        if let (Some(value), None | Some(b' ')) = (value, before) {
            return value.split('"').next();
        }
        rest = &rest[at + name.len()..];
    }
    None
}

/// Where the points of a path lie on the page: scaled, not turned.
#[derive(Clone, Copy)]
struct Place {
    scale: (f32, f32),
    shift: (f32, f32),
}

impl Default for Place {
    fn default() -> Self {
        Self {
            scale: (1.0, 1.0),
            shift: (0.0, 0.0),
        }
    }
}

impl Place {
    fn of(transform: &str) -> Option<Self> {
        let inner = transform.strip_prefix("matrix(")?.strip_suffix(')')?;
        let numbers: Vec<f32> = inner
            .split([',', ' '])
            .filter_map(|number| number.parse().ok())
            .collect();
        let [a, b, c, d, e, f] = numbers[..] else { return None };
        (b == 0.0 && c == 0.0).then_some(Self {
            scale: (a, d),
            shift: (e, f),
        })
    }
}

/// The corners of a path of straight lines; none of one with curves.
fn points(shape: &str, place: Place) -> Vec<(f32, f32)> {
    if shape.contains('C') {
        return Vec::new();
    }
    let numbers: Vec<f32> = shape
        .split([' ', 'L', 'Z'])
        .filter_map(|number| number.parse().ok())
        .collect();
    let points = numbers.chunks_exact(2).map(|point| {
        (
            point[0] * place.scale.0 + place.shift.0,
            point[1] * place.scale.1 + place.shift.1,
        )
    });
    let mut points: Vec<_> = points.collect();
    if let (true, Some(&first)) = (shape.contains('Z'), points.first()) {
        points.push(first);
    }
    points
}

/// The rule that a box is, if it is thin and long.
fn thin_box(points: &[(f32, f32)]) -> Option<Rule> {
    let fold =
        |start: f32, pick: fn(f32, f32) -> f32, of: fn(&(f32, f32)) -> f32| points.iter().map(of).fold(start, pick);
    let (x0, x1) = (fold(f32::MAX, f32::min, |p| p.0), fold(f32::MIN, f32::max, |p| p.0));
    let (y0, y1) = (fold(f32::MAX, f32::min, |p| p.1), fold(f32::MIN, f32::max, |p| p.1));
    let (width, height) = (x1 - x0, y1 - y0);
    let sound = points.len() > 1 && [x0, x1, y0, y1].iter().all(|edge| edge.abs() < 1e5);
    (sound && width.min(height) <= THIN && width.max(height) >= SHORT).then(|| {
        // Of the thin side only the middle counts.
        let (x, y) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
        match width > height {
            true => Rule { x0, x1, y0: y, y1: y },
            false => Rule { x0: x, x1: x, y0, y1 },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_and_thin_boxes_are_rules_and_letters_are_not() {
        let svg = "<defs><path style=\"fill:none\" d=\"M 0 0 L 90 0 \"/></defs>\n\
            <path style=\"fill:none;stroke-width:0.5;\" d=\"M 84 124 L 84 84 \" transform=\"matrix(1,0,0,-1,0,792)\"/>\n\
            <path style=\"stroke:none;fill:rgb(0%,0%,0%);\" d=\"M 50 300 L 250 300 L 250 300.5 L 50 300.5 Z M 50 300 \"/>\n\
            <path style=\"fill:none;\" d=\"M 10 10 L 60 10 L 60 40 L 10 40 Z \"/>\n\
            <path style=\"fill:none;\" d=\"M 10 10 C 60 10 60 40 10 40 \"/>\n\
            <path style=\"fill:rgb(100%,100%,100%);\" d=\"M 0 0 L 90 0 L 90 90 L 0 90 Z \"/>\n\
            <path style=\"fill:none;\" d=\"M 1 1 L nan 90 L inf 3 \" transform=\"rotate(3)\"/>";
        let rules = read(svg);
        let rule = |x0: f32, y0: f32, x1: f32, y1: f32| Rule { x0, y0, x1, y1 };
        assert_eq!(
            rules,
            [
                rule(84.0, 668.0, 84.0, 708.0),
                rule(50.0, 300.25, 250.0, 300.25),
                rule(10.0, 10.0, 60.0, 10.0),
                rule(60.0, 10.0, 60.0, 40.0),
                rule(10.0, 40.0, 60.0, 40.0),
                rule(10.0, 10.0, 10.0, 40.0),
            ]
        );
    }
}
