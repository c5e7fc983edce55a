//! Frames of HTTP/2 (RFC 9113) as an attacker writes them: whole, but in no order that a client would use.

/// The opening of a connection: the preface and an empty frame of settings.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A stream of the client's, which are odd and begin with 1.
pub fn stream(number: u32) -> u32 {
    2 * number + 1
}

/// The head of a call, after which its stream is half closed.
pub fn whole_call(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head())
}

/// The head of a call of which a body is yet to come.
pub fn open_call(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &head())
}

/// The head of a call that goes on in other frames, with a header of so many bytes at its end.
pub fn unfinished_head(stream: u32, padding: usize) -> Vec<u8> {
    frame(HEADERS, 0, stream, &[head(), header(b"x-padding", &vec![b'a'; padding])].concat())
}

/// More of a head, and not its end.
pub fn continuation(stream: u32, padding: usize) -> Vec<u8> {
    let more = if padding == 0 { Vec::new() } else { header(b"x-padding", &vec![b'a'; padding]) };
    frame(CONTINUATION, 0, stream, &more)
}

/// Takes a call back.
pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// A piece of a body without a byte in it, and not its end.
pub fn empty_data(stream: u32) -> Vec<u8> {
    frame(DATA, 0, stream, &[])
}

/// A ping, which has to be answered.
pub fn ping() -> Vec<u8> {
    frame(PING, 0, 0, b"knockknk")
}

/// A change of settings, which has to be acknowledged.
pub fn settings() -> Vec<u8> {
    let table_size = [&HEADER_TABLE_SIZE.to_be_bytes()[..], &4096_u32.to_be_bytes()].concat();
    frame(SETTINGS, 0, 0, &table_size)
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const CANCEL: u32 = 8;
const HEADER_TABLE_SIZE: u16 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a call that nobody may make, in HPACK (RFC 7541).
fn head() -> Vec<u8> {
    const POST_OVER_HTTP: [u8; 2] = [0x83, 0x86];
    let path = b"/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent";
    [
        &POST_OVER_HTTP[..],
        &header(b":path", path),
        &header(b":authority", b"localhost"),
        &header(b"te", b"trailers"),
        &header(b"content-type", b"application/grpc"),
        &header(b"authorization", b"Bearer pk_nobody:sk_nobody"),
    ]
    .concat()
}

/// A header in full, which no table keeps.
fn header(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

/// A text as it is: its length in seven bits, and where they do not suffice in more, by seven, the lowest first.
fn text(bytes: &[u8]) -> Vec<u8> {
    const MOST: usize = 127;
    let mut coded = vec![u8::try_from(bytes.len().min(MOST)).unwrap()];
    if bytes.len() >= MOST {
        let mut rest = bytes.len() - MOST;
        while rest > MOST {
            coded.push(u8::try_from(rest % (MOST + 1)).unwrap() | 0x80);
            rest /= MOST + 1;
        }
        coded.push(u8::try_from(rest).unwrap());
    }
    [coded, bytes.to_vec()].concat()
}
