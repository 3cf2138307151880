//! Pictures of a recording over time, as SVG or PNG. Pure: draws into the buffer it is given.
//!
//! A picture is first a `Scene` of lines, areas and words, made from the document
//! alone; `canvas` then draws any scene in any format. plotters stands behind `canvas` and `font`.

mod axis;
mod canvas;
mod chart;
mod font;
mod growth;
mod leak;
mod memory;
mod palette;
mod png;
mod scene;
mod series;
mod survival;
mod trend;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::path::Path;

#[cfg(test)]
use crate::model;
use crate::model::{Collection, Document, Site};

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The memory of the process, split, with what was traced of it and its limit.
    Memory,
    /// What the first findings keep, with the line and the band that was fitted to each.
    Growth,
    /// One leak: its objects, the items of its container, and the bytes that its stacks retain.
    Leak,
    /// What still lives of what one site allocated, by the time of its birth.
    Survival,
}

/// How to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// For documents and browsers, sharp at every size.
    Svg,
    /// For everything else.
    Png,
}

/// How to draw it.
#[derive(Clone, Debug)]
pub struct PictureOptions {
    /// Width and height, pixels; cut to [`SMALLEST`] and [`LARGEST`].
    pub size: (u32, u32),
    /// Draw so many findings, at most [`MOST_FINDINGS`].
    pub top: usize,
    /// Site whose survival to draw, by its id; `None` for the first finding, or the first site.
    pub site: Option<String>,
    /// What to call a site in few words. Whatever it says is made harmless here.
    pub name: fn(&Site) -> String,
}

/// Less than this has no room for data.
pub const SMALLEST: (u32, u32) = (200, 150);

/// More than this takes more memory than a picture is worth.
pub const LARGEST: (u32, u32) = (4_000, 4_000);

/// The size unless told otherwise: a slide's.
pub const SIZE: (u32, u32) = (1_200, 700);

/// More lines than this cannot be told apart.
pub const MOST_FINDINGS: usize = palette::LINES.len();

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such site.
    #[error("no site has the id {0}; `leakspy report -f json` has the ids of all sites")]
    UnknownSite(String),
    /// The drawing library failed.
    #[error("cannot draw the picture: {0}")]
    Drawing(String),
}

impl Error {
    fn of(error: impl std::fmt::Display) -> Self {
        Self::Drawing(error.to_string())
    }
}

/// Draws it.
///
/// # Errors
/// [`Error::UnknownSite`] for an id that is not in the document. A document without any history is
/// drawn as a picture that says so.
pub fn draw(
    document: &Document,
    what: What,
    format: PictureFormat,
    options: &PictureOptions,
) -> Result<Vec<u8>, Error> {
    let scene = scene_of(document, what, options)?;
    match format {
        PictureFormat::Svg => Ok(canvas::svg(&scene)?.into_bytes()),
        PictureFormat::Png => canvas::png(&scene),
    }
}

/// Draws it as an SVG element that can stand in an HTML document or alone.
///
/// # Errors
/// As [`draw`].
pub fn svg(document: &Document, what: What, options: &PictureOptions) -> Result<String, Error> {
    canvas::svg(&scene_of(document, what, options)?)
}

fn scene_of(
    document: &Document,
    what: What,
    options: &PictureOptions,
) -> Result<scene::Scene, Error> {
    let (width, height) = options.size;
    let size = (width.clamp(SMALLEST.0, LARGEST.0), height.clamp(SMALLEST.1, LARGEST.1));
    let options = PictureOptions { size, ..options.clone() };
    match what {
        What::Memory => Ok(memory::scene(document, &options)),
        What::Growth => Ok(growth::scene(document, &options)),
        What::Leak => Ok(leak::scene(document, &options)),
        What::Survival => survival::scene(document, &options),
    }
}

impl What {
    /// Everything, the default first.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Growth, Self::Leak, Self::Survival];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Growth => "growth",
            Self::Leak => "leak",
            Self::Survival => "survival",
        }
    }
}

impl PictureFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Png, Self::Svg];

    /// Its name, which is also how names of files in it end.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// The format that the name of a file asks for.
    pub fn of_file(path: &Path) -> Option<Self> {
        let suffix = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|format| suffix.eq_ignore_ascii_case(format.name()))
    }
}

/// Full collections as small marks inside the lower edge, one for each pixel at most.
fn marks_on_axis(chart: &mut chart::Chart, collections: &[Collection]) {
    let times = collections.iter().filter(|c| c.count > 0 && series::is_time(c.t));
    let mut columns: Vec<f64> = times.map(|collection| chart.x(collection.t).round()).collect();
    columns.sort_by(f64::total_cmp);
    columns.dedup();
    let bottom = chart.area.bottom;
    for x in columns {
        let stroke = scene::Stroke::solid(palette::INK, 1.5);
        chart.scene.line(vec![(x, bottom - 8.0), (x, bottom)], stroke);
    }
}

fn collections_key(collections: &[Collection]) -> Option<chart::LegendEntry> {
    let count = collections.iter().map(|c| c.count).fold(0, u64::saturating_add);
    let swatch = chart::Swatch::Tick(palette::INK);
    (count > 0).then(|| chart::LegendEntry {
        swatch,
        words: format!("full garbage collections ({count})"),
    })
}
