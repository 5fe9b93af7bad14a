//! Reads TLS's length-prefixed structures; `None` wherever bytes are missing.

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// True once all was read.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes are left.
    pub fn left(self) -> usize {
        self.0.len()
    }

    /// This many bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    /// `N` bytes by value.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes as a number.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A vector whose length is one byte.
    pub fn short_vector(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// A vector whose length is two bytes.
    pub fn vector(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    /// The extensions at the end of a hello: number and content. There may be none at all; what is there must
    /// be whole, end with the hello, and come once, so that no two readers can choose differently.
    pub fn extensions(mut self) -> Option<Vec<(u16, Reader<'a>)>> {
        let mut all = Vec::new();
        if self.is_empty() {
            return Some(all);
        }
        let mut extensions = Reader::new(self.vector()?);
        while !extensions.is_empty() {
            all.push((extensions.u16()?, Reader::new(extensions.vector()?)));
        }
        let mut numbers: Vec<u16> = all.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let once = numbers.is_sorted_by(|one, next| one < next);
        (self.is_empty() && once).then_some(all)
    }
}
