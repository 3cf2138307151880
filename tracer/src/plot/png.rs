//! PNG (ISO/IEC 15948): eight bits each of red, green and blue, no interlacing.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::Error;

/// The picture of `width` columns in `rgb`, which has three bytes for each pixel, row by row.
///
/// # Errors
/// There are no pixels, or not as many as the size says.
pub fn encode(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    // Pictures of ours are mostly the same from row to row, and then compress to next to nothing.
    encoder.set_filter(Filter::Up);
    let mut writer = encoder.write_header().map_err(Error::of)?;
    writer.write_image_data(rgb).map_err(Error::of)?;
    writer.finish().map_err(Error::of)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back() {
        let rgb: Vec<u8> = (0..4 * 5 * 3_u8).map(|number| number.wrapping_mul(7)).collect();
        let png = encode(4, 5, &rgb).expect("a picture");
        let decoder = png::Decoder::new(std::io::Cursor::new(png));
        let mut reader = decoder.read_info().expect("a header");
        let mut decoded = vec![0; rgb.len()];
        let info = reader.next_frame(&mut decoded).expect("pixels");
        assert_eq!((info.width, info.height, info.color_type), (4, 5, ColorType::Rgb));
        assert_eq!(decoded, rgb);
    }

    #[test]
    fn a_size_that_is_not_that_of_the_pixels_is_refused() {
        assert!(encode(4, 5, &[0; 59]).is_err());
        assert!(encode(0, 0, &[]).is_err());
    }
}
