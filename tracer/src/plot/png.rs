//! PNG (ISO/IEC 15948): eight bits each of red, green and blue, no interlacing.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The picture of `width` columns in `rgb`, which has three bytes for each pixel, row by row.
pub fn encode(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Depth, colour type "RGB", and the only compression, filter and interlace methods we use.
    header.extend([8, 2, 0, 0, 0]);
    let mut out = SIGNATURE.to_vec();
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"IDAT", &compressed(&filtered(width, rgb)));
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    // No picture of ours comes near four gigabytes.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    out.extend(length.to_be_bytes());
    out.extend(kind);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
}

/// Every row as its difference from the row above (filter type 2): pictures of ours are mostly the
/// same from row to row, and then compress to next to nothing.
fn filtered(width: u32, rgb: &[u8]) -> Vec<u8> {
    let row_bytes = usize::try_from(width).unwrap_or(usize::MAX).saturating_mul(3).max(3);
    let mut out = Vec::with_capacity(rgb.len() + rgb.len() / row_bytes + 1);
    let mut above = vec![0; row_bytes];
    for row in rgb.chunks_exact(row_bytes) {
        out.push(2);
        out.extend(row.iter().zip(&above).map(|(here, above)| here.wrapping_sub(*above)));
        above.copy_from_slice(row);
    }
    out
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn pixels_come_back() {
        let rgb: Vec<u8> = (0..4 * 5 * 3).map(|number| number * 7).collect();
        let png = encode(4, 5, &rgb);
        assert_eq!(png[..8], SIGNATURE);
        assert_eq!(png[16..24], [0, 0, 0, 4, 0, 0, 0, 5]);
        let at = png.windows(4).position(|word| word == b"IDAT").expect("data");
        let length = u32::from_be_bytes(png[at - 4..at].try_into().expect("four bytes")) as usize;
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&png[at + 4..at + 4 + length])
            .read_to_end(&mut rows)
            .expect("zlib");
        let mut above = [0_u8; 12];
        let mut decoded: Vec<u8> = Vec::new();
        for row in rows.chunks_exact(13) {
            assert_eq!(row[0], 2);
            for (pixel, difference) in above.iter_mut().zip(&row[1..]) {
                *pixel = pixel.wrapping_add(*difference);
            }
            decoded.extend(&above);
        }
        assert_eq!(decoded, rgb);
    }

    /// The end of every PNG, as in the standard's own examples.
    #[test]
    fn the_last_chunk_is_the_known_one() {
        let png = encode(1, 1, &[1, 2, 3]);
        assert_eq!(png[png.len() - 12..], *b"\0\0\0\0IEND\xae\x42\x60\x82");
    }
}
