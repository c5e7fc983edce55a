package com.corefy.gateway;

import com.corefy.gateway.v1.CreateRefundRequest;
import com.corefy.gateway.v1.CreateRefundResponse;
import com.corefy.gateway.v1.Event;
import com.corefy.gateway.v1.EventServiceGrpc.EventServiceImplBase;
import com.corefy.gateway.v1.GetRefundRequest;
import com.corefy.gateway.v1.GetRefundResponse;
import com.corefy.gateway.v1.RefundServiceGrpc.RefundServiceImplBase;
import com.corefy.gateway.v1.StreamEventsRequest;
import com.corefy.gateway.v1.StreamEventsResponse;
import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** A gateway in this process that fails on demand, and records the metadata of calls. */
final class FakeGateway implements AutoCloseable {
  final List<Call> calls = new CopyOnWriteArrayList<>();
  private final Queue<Failure> failures = new ArrayDeque<>();
  private final String name = InProcessServerBuilder.generateName();
  private final Server server;
  private int eventsOfAStream = Integer.MAX_VALUE;
  private boolean streamsEndWell;
  final AtomicInteger streams = new AtomicInteger();

  FakeGateway() {
    try {
      server =
          InProcessServerBuilder.forName(name)
              .addService(new Refunds())
              .addService(new Events())
              .intercept(new Notes())
              .build()
              .start();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  CorefyGateway connect(Duration timeout) {
    return new CorefyGateway(InProcessChannelBuilder.forName(name).build(), "pk:sk", timeout);
  }

  /** Makes this number of calls fail so. */
  void fail(Status status, int times) {
    fail(status, times, null);
  }

  void fail(Status status, int times, Duration retryAfter) {
    failures.add(new Failure(status, times, retryAfter));
  }

  void breakStreamsAfter(int events) {
    eventsOfAStream = events;
  }

  /** Ends each stream at once, as though nothing were wrong. */
  void endStreamsAtOnce() {
    eventsOfAStream = 0;
    streamsEndWell = true;
  }

  /** The value of a header in each call. */
  List<String> header(String header) {
    var key = Metadata.Key.of(header, Metadata.ASCII_STRING_MARSHALLER);
    return calls.stream().map(call -> call.headers.get(key)).collect(Collectors.toList());
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private <T> void answer(T response, StreamObserver<T> caller) {
    Failure failure = failures.peek();
    if (failure == null) {
      caller.onNext(response);
      caller.onCompleted();
      return;
    }
    if (--failure.times == 0) {
      failures.remove();
    }
    caller.onError(failure.error());
  }

  static final class Call {
    final Metadata headers;
    final long secondsLeft = Context.current().getDeadline().timeRemaining(TimeUnit.SECONDS);

    Call(Metadata headers) {
      this.headers = headers;
    }
  }

  private static final class Failure {
    private final Status status;
    private final Duration retryAfter;
    private int times;

    Failure(Status status, int times, Duration retryAfter) {
      this.status = status;
      this.times = times;
      this.retryAfter = retryAfter;
    }

    Throwable error() {
      if (retryAfter == null) {
        return status.asException();
      }
      var delay = com.google.protobuf.Duration.newBuilder().setSeconds(retryAfter.toSeconds());
      var advice = RetryInfo.newBuilder().setRetryDelay(delay.setNanos(retryAfter.getNano()));
      return StatusProto.toStatusException(
          com.google.rpc.Status.newBuilder()
              .setCode(status.getCode().value())
              .addDetails(Any.pack(advice.build()))
              .build());
    }
  }

  private final class Notes implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      if (call.getMethodDescriptor().getType().serverSendsOneMessage()) {
        calls.add(new Call(headers));
      }
      return next.startCall(call, headers);
    }
  }

  private final class Refunds extends RefundServiceImplBase {
    @Override
    public void createRefund(
        CreateRefundRequest request, StreamObserver<CreateRefundResponse> caller) {
      answer(CreateRefundResponse.getDefaultInstance(), caller);
    }

    @Override
    public void getRefund(GetRefundRequest request, StreamObserver<GetRefundResponse> caller) {
      answer(GetRefundResponse.getDefaultInstance(), caller);
    }
  }

  /** Streams events with the ids 1, 2, 3, … */
  private final class Events extends EventServiceImplBase {
    @Override
    public void streamEvents(
        StreamEventsRequest request, StreamObserver<StreamEventsResponse> caller) {
      String after = request.getAfterEventId();
      int first = after.isEmpty() ? 1 : Integer.parseInt(after) + 1;
      for (int id = first; id < first + eventsOfAStream; id++) {
        var event = Event.newBuilder().setId(Integer.toString(id));
        caller.onNext(StreamEventsResponse.newBuilder().setEvent(event).build());
      }
      streams.incrementAndGet();
      if (streamsEndWell) {
        caller.onCompleted();
      } else {
        caller.onError(Status.UNAVAILABLE.asException());
      }
    }
  }
}
