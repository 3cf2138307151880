//! Pictures in the page.

use std::io;

use super::callsite;
use super::markup::HtmlPage;
use crate::model::Document;
use crate::plot::{self, MOST_FINDINGS, What};
use crate::report::svg::Svg;
use crate::report::{Exporter, Options};

/// Wide pictures, pixels; the page scales them.
const WIDE: (u32, u32) = (1_100, 560);

/// The small one of a finding.
const SMALL: (u32, u32) = (1_000, 320);

/// Higher than this, a flame graph scrolls.
const HIGHEST_FRAME: u32 = 900;

/// The memory of the process.
pub fn memory(page: &mut HtmlPage, document: &Document) -> io::Result<()> {
    page.open("section", "");
    page.element("h2", "Memory over time");
    figure(page, document, What::Memory, WIDE, None)?;
    marks(page, document);
    page.close("section");
    Ok(())
}

/// What the findings keep.
pub fn growth(page: &mut HtmlPage, document: &Document) -> io::Result<()> {
    figure(page, document, What::Growth, WIDE, None)
}

/// What survives of one site; nothing when the recording does not know.
pub fn survival(page: &mut HtmlPage, document: &Document, id: &str) -> io::Result<()> {
    let sites = document.sites.iter().zip(&document.history.sites);
    let known = sites.filter(|(site, _)| site.id == id).any(|(_, h)| !h.cohorts.is_empty());
    if known { figure(page, document, What::Survival, SMALL, Some(id)) } else { Ok(()) }
}

fn figure(
    page: &mut HtmlPage,
    document: &Document,
    what: What,
    size: (u32, u32),
    site: Option<&str>,
) -> io::Result<()> {
    let site = site.map(str::to_owned);
    let options = plot::PictureOptions { size, top: MOST_FINDINGS, site, name: callsite };
    let svg = plot::svg(document, what, &options).map_err(io::Error::other)?;
    page.open("figure", "");
    page.picture(&svg);
    page.close("figure");
    Ok(())
}

/// Every mark, as not all of them have room in a picture.
fn marks(page: &mut HtmlPage, document: &Document) {
    const MOST: usize = 200;
    let marks = &document.history.marks;
    if marks.is_empty() {
        return;
    }
    page.raw("<details>\n<summary>Marks</summary>\n<table class=\"facts\">\n");
    for mark in marks.iter().take(MOST) {
        page.raw("<tr><th scope=\"row\">");
        page.words(&crate::report::quantity::duration(mark.t));
        page.raw("</th><td>");
        page.words(&mark.name);
        page.raw("</td></tr>\n");
    }
    page.close("table");
    if marks.len() > MOST {
        page.element("p", &format!("and {} more", marks.len() - MOST));
    }
    page.close("details");
}

/// Live bytes by stack. In a frame of its own, because its styles would change the page.
pub fn flame_graph(page: &mut HtmlPage, document: &Document, options: &Options) -> io::Result<()> {
    let mut svg = Vec::new();
    let options = Options { plain_svg: true, ..options.clone() };
    Svg.write(document, &options, &mut svg)?;
    let svg = String::from_utf8_lossy(&svg);
    let Some(start) = svg.find("<svg") else { return Ok(()) };
    let svg = &svg[start..];
    let height = attribute(svg, "height").unwrap_or(400).saturating_add(20);
    page.open("section", "");
    page.element("h2", "Live memory by stack");
    page.raw(
        "<p class=\"hint\">Rest the pointer on a frame for its name and size. \
         <code>leakspy report -f svg</code> makes a flame graph that zooms and searches.</p>\n",
    );
    let inner = format!(
        "<!DOCTYPE html><style>body{{margin:0;background:#fafaf7}}\
         svg{{width:100%;height:auto}}#search,#unzoom{{display:none}}</style>{}",
        still(svg)
    );
    page.frame("Flame graph of live bytes", height.min(HIGHEST_FRAME), &inner);
    page.close("section");
    Ok(())
}

/// The flame graph without what is left of its script.
fn still(svg: &str) -> String {
    let svg = svg.replacen(" onload=\"init(evt)\"", "", 1);
    let without = svg.split_once("<script").and_then(|(before, after)| {
        let (_, after) = after.split_once("</script>")?;
        Some(format!("{before}{after}"))
    });
    without.unwrap_or(svg)
}

/// A whole number from the first tag.
fn attribute(svg: &str, name: &str) -> Option<u32> {
    let tag = svg.split_once('>')?.0;
    let value = tag.split_once(&format!(" {name}=\""))?.1;
    value.split_once('"')?.0.parse().ok()
}
