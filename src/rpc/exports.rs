//! ExportService: books in chunks of whole lines.

use std::{io, mem, time::Duration};

use tokio::sync::mpsc::{self, Sender};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    app::exports::{CURSOR, Exports, PartnerExport},
    domain::{
        books::{Export, ExportedKind, RangeEnd, TextFormat, TextRows},
        clock::Timestamp,
    },
    error::{Error, Reason},
    pb,
    pb::export_service_server::ExportService,
    task,
};

use super::{fields::Fields, handler, handlers::Handlers, status, timestamps};

/// The lines of one message, in bytes at most. None is nearly as long.
const MAX_CHUNK_BYTES: usize = 64 * 1024;
/// Messages that wait for a reader, beside what its connection buffers.
const BUFFER: usize = 1;

type Message = Result<pb::ExportResponse, Status>;

#[tonic::async_trait]
impl ExportService for Handlers {
    type ExportStream = ReceiverStream<Message>;

    async fn export(&self, request: Request<pb::ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let exports = &self.app.exports;
        let (caller, (export, asked, format, cursor)) =
            handler::query(request, |fields, message| read(exports, fields, message))?;
        let books = exports.export(&caller, export, asked, format, &cursor).await?;
        let (out, stream) = mpsc::channel(BUFFER);
        let feed = Feed { rows: TextRows::new(export.kind, format), chunk: Chunk::default(), books, out };
        task::spawn("export", feed.run(self.drain.clone(), caller.request_id));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// The lines on their way to a caller.
struct Feed {
    books: PartnerExport,
    rows: TextRows,
    chunk: Chunk,
    out: Sender<Message>,
}

/// Lines that go together.
#[derive(Default)]
struct Chunk {
    lines: Vec<u8>,
    count: u32,
    /// Where to go on behind the last.
    cursor: String,
}

/// The reason for which a feed ended early.
enum Ended {
    /// The caller has gone.
    CallerGone,
    /// Something failed.
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Feed {
    /// Feeds until all was sent, the caller has gone, or the gateway shuts down.
    async fn run(mut self, drain: CancellationToken, request_id: String) {
        let out = self.out.clone();
        let ended = tokio::select! {
            () = out.closed() => return,
            () = drain.cancelled() => {
                let error = Error::new(Reason::ShuttingDown, "the gateway is shutting down");
                Err(Ended::Failed(error.retry_after(Duration::from_secs(1))))
            }
            ended = self.feed() => ended,
        };
        if let Err(Ended::Failed(error)) = ended {
            // Waits for room as long as the reader is there: the session with the database has ended.
            let _ = out.send(Err(status::outgoing(error.into(), &[status::request_id(&request_id)]))).await;
        }
    }

    async fn feed(&mut self) -> Result<(), Ended> {
        if !self.books.is_resumed() {
            self.rows.write_head(&mut self.chunk.lines).map_err(unwritten)?;
        }
        loop {
            let page = self.books.next().await?;
            if page.is_empty() {
                break;
            }
            for object in &page {
                let mut line = Vec::new();
                self.rows.write(object, &mut line).map_err(unwritten)?;
                if self.chunk.lines.len() + line.len() > MAX_CHUNK_BYTES {
                    self.send().await?;
                }
                self.chunk.lines.append(&mut line);
                self.chunk.count += 1;
                self.chunk.cursor = self.books.cursor(&object.place());
            }
        }
        if self.chunk.lines.is_empty() { Ok(()) } else { self.send().await }
    }

    async fn send(&mut self) -> Result<(), Ended> {
        let Chunk { lines, count, cursor } = mem::take(&mut self.chunk);
        let message = pb::ExportResponse { rows: lines, row_count: count, cursor };
        self.out.send(Ok(message)).await.map_err(|_| Ended::CallerGone)
    }
}

fn unwritten(error: io::Error) -> Error {
    Error::new(Reason::Internal, "a row could not be written").because(error)
}

/// The export, the end of the range that was asked for, the format, and the cursor.
type Input = (Export, Option<Timestamp>, TextFormat, String);

fn read(exports: &Exports, fields: &mut Fields, message: pb::ExportRequest) -> Option<Input> {
    let kind = kind(fields, message.kind);
    let format = format(fields, message.format);
    let cursor = fields.token("cursor", message.cursor, CURSOR);
    if message.created_from.is_none() {
        fields.refuse("created_from", "is required");
    }
    let from = timestamps::bound(fields, "created_from", message.created_from);
    let before = timestamps::bound(fields, "created_before", message.created_before);
    let is_readable = message.created_before.is_none() == before.is_none();
    let (kind, from, format) = (kind?, from.filter(|_| is_readable)?, format?);
    match exports.range(kind, from, before) {
        Ok(export) => Some((export, before, format, cursor)),
        Err((RangeEnd::From, why)) => refused(fields, "created_from", why),
        Err((RangeEnd::Before, why)) => refused(fields, "created_before", why),
    }
}

fn refused(fields: &mut Fields, field: &str, why: String) -> Option<Input> {
    fields.refuse(field, why);
    None
}

fn kind(fields: &mut Fields, kind: i32) -> Option<ExportedKind> {
    match pb::ExportKind::try_from(kind) {
        Ok(pb::ExportKind::Payments) => Some(ExportedKind::Payments),
        Ok(pb::ExportKind::Refunds) => Some(ExportedKind::Refunds),
        Ok(pb::ExportKind::Events) => Some(ExportedKind::Events),
        Ok(pb::ExportKind::Unspecified) | Err(_) => {
            fields.refuse("kind", "must be EXPORT_KIND_PAYMENTS, EXPORT_KIND_REFUNDS or EXPORT_KIND_EVENTS");
            None
        }
    }
}

fn format(fields: &mut Fields, format: i32) -> Option<TextFormat> {
    match pb::ExportFormat::try_from(format) {
        Ok(pb::ExportFormat::Unspecified | pb::ExportFormat::Csv) => Some(TextFormat::Csv),
        Ok(pb::ExportFormat::Jsonl) => Some(TextFormat::Jsonl),
        Err(_) => {
            fields.refuse("format", "must be EXPORT_FORMAT_CSV or EXPORT_FORMAT_JSONL");
            None
        }
    }
}
