//! Draws every picture of a made-up recording into a folder, to look at:
//! `cargo run -p leakspy --example pictures -- FOLDER`

use std::error::Error;
use std::path::PathBuf;

use leakspy::model::{self, Site};
use leakspy::plot::{self, MOST_FINDINGS, PictureFormat, PictureOptions, SIZE, What};

#[path = "../src/plot/samples.rs"]
mod samples;

fn name(site: &Site) -> String {
    let frame = site.stack.last();
    let function = frame.and_then(|frame| frame.function.clone()).unwrap_or_default();
    let line = frame.and_then(|frame| frame.line).unwrap_or_default();
    format!("{function} (app.py:{line})")
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    std::fs::create_dir_all(&folder)?;
    let options = PictureOptions { size: SIZE, top: MOST_FINDINGS, site: None, name };
    let documents = [
        ("server", samples::server()),
        ("nothing", samples::nothing()),
        ("crowded", samples::crowded()),
    ];
    for (sample, document) in documents {
        for what in What::ALL {
            for format in PictureFormat::ALL {
                let picture = plot::draw(&document, what, format, &options)?;
                let file = format!("{sample}-{}.{}", what.name(), format.name());
                std::fs::write(folder.join(file), picture)?;
            }
        }
    }
    Ok(())
}
