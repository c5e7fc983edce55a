package com.corefy.gateway;

import com.corefy.gateway.v1.Event;
import com.corefy.gateway.v1.EventServiceGrpc.EventServiceBlockingStub;
import com.corefy.gateway.v1.StreamEventsRequest;
import com.corefy.gateway.v1.StreamEventsResponse;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * Events, and then each as it happens, until the stream is closed. After a break it resumes after
 * the last event that was taken in. One thread reads it, once; any may close it.
 */
public final class EventStream implements Iterable<Event>, AutoCloseable {
  private final EventServiceBlockingStub stub;
  private final Context.CancellableContext context = Context.current().withCancellation();
  private final StreamEventsRequest.Builder request;
  private Iterator<StreamEventsResponse> messages;
  private int failures;

  EventStream(EventServiceBlockingStub stub, StreamEventsRequest request) {
    this.stub = stub;
    this.request = request.toBuilder();
  }

  @Override
  public Iterator<Event> iterator() {
    return new Iterator<>() {
      private Event next;

      @Override
      public boolean hasNext() {
        next = next == null ? read() : next;
        return next != null;
      }

      @Override
      public Event next() {
        if (!hasNext()) {
          throw new NoSuchElementException("the stream is closed");
        }
        Event event = next;
        next = null;
        return event;
      }
    };
  }

  /** Ends the stream; a caller that waits for its next event gets none. */
  @Override
  public void close() {
    context.cancel(null);
  }

  /** The next event; null when the stream is closed. */
  private Event read() {
    while (!context.isCancelled()) {
      try {
        if (messages == null) {
          context.run(() -> messages = stub.streamEvents(request.build()));
        }
        while (messages.hasNext()) {
          StreamEventsResponse message = messages.next();
          failures = 0;
          String last =
              message.hasEvent()
                  ? message.getEvent().getId()
                  : message.getHeartbeat().getResumeAfterEventId();
          if (!last.isEmpty()) {
            request.setAfterEventId(last).setOnlyNew(false);
          }
          if (message.hasEvent()) {
            return message.getEvent();
          }
        }
        // The gateway does not end a stream so; what stands between may.
        throw Status.UNAVAILABLE.withDescription("the stream has ended").asRuntimeException();
      } catch (StatusRuntimeException broken) {
        pauseAfter(GatewayException.of(broken));
      }
      messages = null;
    }
    return null;
  }

  /** Waits until the stream may be opened again; throws what cannot be mended so. */
  private void pauseAfter(GatewayException error) {
    if (context.isCancelled()) {
      return;
    }
    failures++;
    boolean mayGoOn = error.mayBeRepeated() || error.reason().equals("EVENT_READER_TOO_SLOW");
    if (!mayGoOn || failures == Repetition.ATTEMPTS) {
      throw error;
    }
    try {
      Thread.sleep(Repetition.pause(failures, error).toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new GatewayException(Status.CANCELLED.withCause(interrupted), null);
    }
  }
}
