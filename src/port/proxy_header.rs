//! The header of the PROXY protocol, version 2, with which a proxy names the caller before all else that it sends.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The bytes that every such header begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The bytes of signature, version and command, family, and length.
const FIXED: usize = 16;
/// The most bytes that may follow: addresses, and what proxies add to them.
const LONGEST: usize = 2048;

/// The caller, as a proxy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// It is the proxy's own, such as a health check.
    Proxy,
    /// It passes on a connection of this address.
    Address(IpAddr),
    /// It passes on a connection and does not name an address of the internet.
    Unknown,
}

/// Reads the header, and not a byte of what follows it.
///
/// # Errors
/// When it is none, or too long, or when the connection ends.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Sender> {
    let mut fixed = [0; FIXED];
    stream.read_exact(&mut fixed).await?;
    let [.., version_and_command, family, length_high, length_low] = fixed;
    if !fixed.starts_with(&SIGNATURE) || version_and_command >> 4 != 2 {
        return Err(wrong("there is no header of the PROXY protocol, version 2"));
    }
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if length > LONGEST {
        return Err(wrong("the header of the PROXY protocol is too long"));
    }
    let mut addresses = vec![0; length];
    stream.read_exact(&mut addresses).await?;
    match version_and_command & 0xf {
        0 => Ok(Sender::Proxy),
        1 => sender(family, &addresses).ok_or_else(|| wrong("the header of the PROXY protocol lacks its addresses")),
        _ => Err(wrong("the header of the PROXY protocol has an unknown command")),
    }
}

/// The header of a connection that a proxy makes for itself, as to see whether the other side is well: of no family and no caller.
pub fn of_the_proxy_itself() -> [u8; FIXED] {
    const LOCAL: u8 = 0x20;
    let mut header = [0; FIXED];
    header[..SIGNATURE.len()].copy_from_slice(&SIGNATURE);
    header[SIGNATURE.len()] = LOCAL;
    header
}

/// Reads the caller's address, which stands first; the proxy's follows it. `None`: it is not whole.
fn sender(family: u8, addresses: &[u8]) -> Option<Sender> {
    /// TCP over IPv4: two addresses of 4 bytes and two ports.
    const TCP4: u8 = 0x11;
    /// TCP over IPv6: two addresses of 16 bytes and two ports.
    const TCP6: u8 = 0x21;
    Some(match family {
        TCP4 => Sender::Address(Ipv4Addr::from(*addresses.first_chunk::<12>()?.first_chunk::<4>()?).into()),
        TCP6 => {
            let address = Ipv6Addr::from(*addresses.first_chunk::<36>()?.first_chunk::<16>()?);
            Sender::Address(IpAddr::from(address).to_canonical())
        }
        _ => Sender::Unknown,
    })
}

fn wrong(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 1, 2, 3, 4];

    fn header(version_and_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[version_and_command, family], &length, rest].concat()
    }

    /// The result of reading `bytes`, and the rest of them.
    async fn read_of(bytes: &[u8]) -> (Result<Sender, io::ErrorKind>, &[u8]) {
        let mut rest = bytes;
        let read = read(&mut rest).await.map_err(|error| error.kind());
        (read, rest)
    }

    #[tokio::test]
    async fn the_caller_is_read_and_what_follows_is_left() {
        let caller = |address: &str| Ok(Sender::Address(address.parse().unwrap()));
        let mut six = [0; 36];
        six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        six[15] = 7;
        let mapped: Vec<u8> = [&[0; 10][..], &[0xff, 0xff, 203, 0, 113, 7], &[0; 20]].concat();
        let with_more = [&FOUR[..], &[4, 0, 1, 0]].concat();
        for (header, expected) in [
            (header(0x21, 0x11, &FOUR), caller("203.0.113.7")),
            (header(0x21, 0x11, &with_more), caller("203.0.113.7")),
            (header(0x21, 0x21, &six), caller("2001:db8::7")),
            (header(0x21, 0x21, &mapped), caller("203.0.113.7")),
            (header(0x20, 0x00, &[]), Ok(Sender::Proxy)),
            (header(0x20, 0x11, &FOUR), Ok(Sender::Proxy)),
            (header(0x21, 0x00, &[]), Ok(Sender::Unknown)),
            (header(0x21, 0x12, &FOUR), Ok(Sender::Unknown)),
            (header(0x21, 0x31, &[0; 216]), Ok(Sender::Unknown)),
        ] {
            let sent = [&header[..], b"hello"].concat();
            assert_eq!(read_of(&sent).await, (expected, &b"hello"[..]), "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        let too_long = [&header(0x21, 0x11, &[])[..14], &[0x08, 0x01], &[0; LONGEST + 1]].concat();
        for (bytes, expected) in [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), InvalidData),
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n".to_vec(), InvalidData),
            (header(0x11, 0x11, &FOUR), InvalidData),
            (header(0x22, 0x11, &FOUR), InvalidData),
            (header(0x21, 0x11, &FOUR[..11]), InvalidData),
            (header(0x21, 0x21, &FOUR), InvalidData),
            (too_long, InvalidData),
            (header(0x21, 0x11, &FOUR)[..27].to_vec(), UnexpectedEof),
            (SIGNATURE.to_vec(), UnexpectedEof),
        ] {
            assert_eq!(read_of(&bytes).await.0, Err(expected), "{bytes:?}");
        }
    }
}
