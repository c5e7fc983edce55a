//! Any bytes, read as a row of choices: what a law tries next.

/// The bytes that are left. A choice takes from the front; when there are none left, it is the first that there is.
pub struct Choices<'b>(&'b [u8]);

impl<'b> Choices<'b> {
    /// All choices are still to be made.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left to choose by.
    pub fn are_made(&self) -> bool {
        self.0.is_empty()
    }

    /// A number from 0 to 255.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    /// A number of eight bytes, the lowest first.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    /// A place in a row of so many, which is not empty. A row of more than 65,536 has only those of its beginning.
    pub fn place(&mut self, length: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % length
    }

    /// One of these, of which there is at least one.
    pub fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.place(of.len())]
    }

    /// As many bytes as the next one says, or all that are left.
    pub fn bytes(&mut self) -> &'b [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// The same as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.0)
    }
}

/// Bytes with another one at a place; without any, one is added.
pub fn changed(bytes: &[u8], place: usize, change: u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    match bytes.len() {
        0 => changed.push(change),
        length => changed[place % length] ^= change.max(1),
    }
    changed
}
