//! Whole figures, drawn in every form.

use lookback_benchmarks::experiment::figure::Figure;
use roxmltree::{Document, Node};

use super::scene::{Item, Path, Segment, Text};
use super::{inline_svg, pdf, png, samples, scene, svg, text};

/// All text below a node.
fn said(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect::<String>().trim().to_owned()
}

#[test]
fn every_label_is_a_text_of_well_formed_xml() {
    for figure in samples::figures() {
        for svg in [svg(&figure), inline_svg(&figure).into_string()] {
            let document = Document::parse(&svg).expect("well-formed XML");
            let texts: Vec<String> =
                document.descendants().filter(|node| node.has_tag_name("text")).map(said).collect();
            for panel in &figure.panels {
                assert!(texts.contains(&panel.title) || panel.title == figure.title, "{}: {texts:?}", panel.title);
                for series in &panel.series {
                    assert_eq!(texts.iter().filter(|text| **text == series.label).count(), 1, "{}", series.label);
                }
            }
            assert!(texts.contains(&figure.panels[0].x.label) && texts.contains(&figure.panels[0].y.label));
        }
    }
}

#[test]
fn colours_are_those_of_paper_and_classes_of_which_a_file_says_the_dark_ones() {
    let figure = &samples::figures()[0];
    let (file, inline) = (svg(figure), inline_svg(figure).into_string());
    for svg in [&file, &inline] {
        let document = Document::parse(svg).unwrap();
        for node in document.descendants().filter(|node| node.has_tag_name("path") || node.has_tag_name("g")) {
            assert!(node.has_attribute("class") && (node.has_attribute("fill") || node.has_attribute("stroke")));
        }
        assert!(svg.contains("class=\"line-s0\" stroke=\"#0072b2\"") && svg.contains("stroke-dasharray"));
    }
    assert!(file.contains("prefers-color-scheme:dark") && file.contains(".line-s0{stroke:#4ba6e0}"));
    assert!(!file.contains(".line-s13") && !inline.contains("<style"));
}

#[test]
fn text_is_escaped_and_drawing_repeats_itself() {
    let mut figure = samples::figures().swap_remove(0);
    figure.title = "a < b & \"c\"\u{7}".into();
    figure.panels[0].series[0].label = "<script>alert(1)</script>".into();
    figure.panels[0].title = "'&'".into();
    let first = svg(&figure);
    Document::parse(&first).expect("well-formed XML");
    assert!(!first.contains("<script") && first.contains("&lt;script&gt;"));
    assert_eq!(first, svg(&figure));
    assert_eq!(pdf(&figure), pdf(&figure));
    assert_eq!(png(&figure).unwrap(), png(&figure).unwrap());
}

#[test]
fn images_have_twice_the_size() {
    let figure = &samples::figures()[0];
    let image = lookback_datasets::images::decode_picture(&png(figure).unwrap(), "figure").unwrap();
    let scene = scene(figure, true);
    assert_eq!((image.width(), image.height()), (2 * scene.width as usize, 2 * scene.height as usize));
}

#[test]
fn pdf_files_are_one_page_whose_objects_are_where_the_table_says() {
    let file = pdf(&samples::figures()[0]);
    let text = String::from_utf8_lossy(&file);
    assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n") && text.contains("/Count 1"));
    let start: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
    let table = String::from_utf8_lossy(&file[start..]).into_owned();
    for (index, entry) in table.lines().skip(3).take(4).enumerate() {
        let at: usize = entry[..10].parse().unwrap();
        assert!(file[at..].starts_with(format!("{} 0 obj", index + 1).as_bytes()), "{entry}");
    }
}

#[test]
fn text_of_images_is_that_of_the_embedded_fonts() {
    let outline = |text: &str| {
        let mut scene = super::Scene::default();
        let style = super::Type::new(12.0, super::Role::Text, super::Anchor::Start);
        scene.text(text, (2.0, 15.0), style);
        super::glyphs::shapes(&scene).flat_map(|shape| shape.path.0.clone()).collect::<Vec<_>>()
    };
    assert!(outline("NMSE").len() > 40);
    // ρ is in the fonts, and not the empty box of a missing character.
    assert!(outline("ρ").len() > 4 && outline("ρ") != outline("\u{e123}"));
    assert!(outline("").is_empty());
    // What is laid out by the estimated widths has room for the letters.
    let right = outline("transformer-learned, 16 states").iter().flat_map(ends).map(|end| end.0).fold(0.0, f64::max);
    assert!(right < 2.0 + text::width("transformer-learned, 16 states", 12.0));
}

#[test]
fn figures_without_data_are_drawn() {
    let mut figure = samples::figures().swap_remove(0);
    for panel in &mut figure.panels {
        panel.series.iter_mut().for_each(|series| series.points.clear());
    }
    assert!(svg(&figure).contains("no finished run yet"));
    figure.panels.iter_mut().for_each(|panel| panel.series.clear());
    Document::parse(&svg(&figure)).expect("well-formed XML");
    figure.panels.clear();
    Document::parse(&inline_svg(&figure).into_string()).expect("well-formed XML");
    assert!(png(&figure).is_ok());
}

/// The ends of the lines and curves of a step.
fn ends(segment: &Segment) -> Vec<(f64, f64)> {
    match *segment {
        Segment::Move(to) | Segment::Line(to) => vec![to],
        Segment::Curve(first, second, to) => vec![first, second, to],
        Segment::Close => vec![],
    }
}

fn assert_on_the_canvas(figure: &Figure) {
    let scene = scene(figure, true);
    let paths: Vec<Path> = super::glyphs::shapes(&scene).map(|shape| shape.path.clone()).collect();
    for (x, y) in paths.iter().flat_map(|path| &path.0).flat_map(ends) {
        assert!((0.0..=scene.width).contains(&x) && (0.0..=scene.height).contains(&y), "{}: {x}, {y}", figure.id);
    }
}

#[test]
fn extreme_values_stay_on_the_canvas() {
    let mut figure = samples::figures().swap_remove(0);
    let points = &mut figure.panels[0].series[0].points;
    points[0].y = f64::INFINITY;
    points[1].y = f64::NAN;
    points[2].y = 0.0;
    points[3].interval = Some((f64::NEG_INFINITY, f64::INFINITY));
    figure.panels[0].y.range = Some((1e-3, 1e-1));
    assert_on_the_canvas(&figure);
    samples::figures().iter().for_each(assert_on_the_canvas);
}

#[test]
fn texts_do_not_overlap() {
    for figure in samples::figures() {
        let scene = scene(&figure, true);
        let texts: Vec<&Text> = scene
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Text(text) => Some(text),
                Item::Shape(_) => None,
            })
            .collect();
        let boxes: Vec<_> = texts.iter().map(|text| extent(text)).collect();
        for (index, one) in boxes.iter().enumerate() {
            for (other, text) in boxes[..index].iter().zip(&texts) {
                let apart = one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1;
                assert!(apart, "{}: `{}` and `{}`", figure.id, texts[index].text, text.text);
            }
        }
    }
}

/// Left, top, right and bottom of a text by its estimated width.
fn extent(text: &Text) -> (f64, f64, f64, f64) {
    let (width, height) = (text::width(&text.text, text.style.size), 0.75 * text.style.size);
    let start = match text.style.anchor {
        super::Anchor::Start => 0.0,
        super::Anchor::Middle => -0.5 * width,
        super::Anchor::End => -width,
    };
    let (x, y) = text.at;
    if text.style.upright {
        (x - height, y - start - width, x, y - start)
    } else {
        (x + start, y - height, x + start + width, y)
    }
}
