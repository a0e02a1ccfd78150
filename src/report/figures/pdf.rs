//! A drawing as a PDF file of one page, as papers include it: text as outlines, so that no font is needed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::glyphs;
use super::scene::{Scene, Segment, Shape};

/// Points (1/72 inch) per pixel (1/96 inch).
const POINTS: f64 = 0.75;

/// The file (PDF 1.4). The same drawing gives the same bytes.
pub(super) fn pdf(scene: &Scene) -> Vec<u8> {
    let (width, height) = (scene.width * POINTS, scene.height * POINTS);
    let mut opacities = BTreeSet::new();
    // y of PDF runs upwards; joins are round.
    let mut content = format!("{POINTS} 0 0 -{POINTS} 0 {height:.2} cm 1 j\n");
    for shape in glyphs::shapes(scene) {
        opacities.insert(opacity(&shape));
        draw(&mut content, &shape);
    }
    let mut encoder = ZlibEncoder::new(vec![], Compression::default());
    encoder.write_all(content.as_bytes()).expect("memory can be written to");
    let content = encoder.finish().expect("memory can be written to");

    let states: Vec<String> = opacities
        .into_iter()
        .map(|percent| {
            let opacity = f64::from(percent) / 100.0;
            format!("/O{percent} <</ca {opacity} /CA {opacity}>>")
        })
        .collect();
    let page = format!(
        "<</Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2} {height:.2}] /Contents 4 0 R\n\
         /Resources <</ExtGState <<{}>>>>>>",
        states.join(" ")
    );
    let stream = format!("<</Length {} /Filter /FlateDecode>>\nstream\n", content.len());
    let objects = [
        b"<</Type /Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>".to_vec(),
        page.into_bytes(),
        [stream.as_bytes(), &content, b"\nendstream"].concat(),
    ];
    let mut file = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        file.extend(format!("{} 0 obj\n", index + 1).into_bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let start = file.len();
    let trailer = format!("trailer\n<</Size {} /Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.extend(table.into_bytes());
    file.extend(trailer.into_bytes());
    file
}

/// In whole percent.
fn opacity(shape: &Shape) -> u32 {
    let paint = shape.fill.or(shape.stroke.map(|stroke| stroke.paint));
    paint.map_or(100, |(_, opacity)| (100.0 * opacity).round() as u32)
}

fn draw(content: &mut String, shape: &Shape) {
    let _ = writeln!(content, "/O{} gs", opacity(shape));
    let colours = [(shape.fill, "rg"), (shape.stroke.map(|stroke| stroke.paint), "RG")];
    for (role, operator) in colours.into_iter().filter_map(|(paint, operator)| Some((paint?.0, operator))) {
        let [red, green, blue] = role.rgb().map(|part| f64::from(part) / 255.0);
        let _ = writeln!(content, "{red:.3} {green:.3} {blue:.3} {operator}");
    }
    if let Some(stroke) = shape.stroke {
        let dashes: Vec<String> = stroke.dashes.iter().map(f64::to_string).collect();
        let _ = writeln!(content, "{:.2} w [{}] 0 d", stroke.width, dashes.join(" "));
    }
    for segment in &shape.path.0 {
        let _ = match segment {
            Segment::Move((x, y)) => writeln!(content, "{x:.2} {y:.2} m"),
            Segment::Line((x, y)) => writeln!(content, "{x:.2} {y:.2} l"),
            Segment::Curve((x1, y1), (x2, y2), (x, y)) => {
                writeln!(content, "{x1:.2} {y1:.2} {x2:.2} {y2:.2} {x:.2} {y:.2} c")
            }
            Segment::Close => writeln!(content, "h"),
        };
    }
    content.push_str(match (shape.fill, shape.stroke) {
        (Some(_), Some(_)) => "B\n",
        (Some(_), None) => "f\n",
        (None, _) => "S\n",
    });
}
