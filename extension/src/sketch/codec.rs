//! Bytes in and out, every length checked.

use super::chunks::chunks;
use super::error::Error;

/// Reads an image from its start, numbers with their lowest byte first.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`; `what` names the sketch in errors.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Reader { rest: bytes, what }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    #[inline(always)]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        match self.rest.split_at_checked(count) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated(count)),
        }
    }

    #[cold]
    fn truncated(&self, count: usize) -> Error {
        Error::bad_image(format!(
            "truncated {}: {count} more bytes are needed where {} are left",
            self.what,
            self.rest.len()
        ))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        Ok(self.bytes(N)?.try_into().expect("N bytes were read"))
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// The next four bytes.
    #[inline(always)]
    pub fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next eight bytes.
    #[inline(always)]
    pub fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next eight bytes.
    #[inline(always)]
    pub fn f64(&mut self) -> Result<f64, Error> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// An unsigned LEB128 of at most 64 bits, in its shortest form.
    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::bad_image(format!("damaged {}: a count is not a varint of 64 bits in its shortest form", self.what)))
    }

    /// Refuses bytes behind the end.
    pub fn finish(self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(Error::bad_image(format!("damaged {}: {extra} bytes follow its end", self.what))),
        }
    }
}

/// Reads an image from its start, numbers with their highest byte first.
pub struct BigEndian<'a>(Reader<'a>);

impl<'a> BigEndian<'a> {
    /// A reader of `bytes`; `what` names the sketch in errors.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        BigEndian(Reader::new(bytes, what))
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        self.0.bytes(count)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.0.array()
    }

    /// The next four bytes.
    pub fn f32(&mut self) -> Result<f32, Error> {
        Ok(f32::from_be_bytes(self.array()?))
    }

    /// `count` times four bytes.
    pub fn f32s(&mut self, count: usize) -> Result<impl Iterator<Item = f32> + use<'a>, Error> {
        Ok(chunks(self.bytes(4 * count)?).0.map(|&float| f32::from_be_bytes(float)))
    }

    /// Refuses bytes behind the end.
    pub fn finish(self) -> Result<(), Error> {
        self.0.finish()
    }
}

/// Appends an unsigned LEB128.
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 62, u64::MAX] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, value);
            let mut reader = Reader::new(&bytes, "test");
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn varints_that_overflow_or_pad_are_refused() {
        for bytes in
            [&[0xff; 10][..], &[0x80, 0x00], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], &[0x80]]
        {
            assert!(Reader::new(bytes, "test").varint().is_err(), "{bytes:?}");
        }
    }
}
