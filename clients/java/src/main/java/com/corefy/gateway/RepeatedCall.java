package com.corefy.gateway;

import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A call with one request and one answer that is made again, with the same metadata, while nothing
 * was done and the deadline allows it. Its caller sees the last attempt only. No thread waits in
 * the pauses.
 */
final class RepeatedCall<Q, A> extends ClientCall<Q, A> {
  private final ManagedChannel channel;
  private final Supplier<ClientCall<Q, A>> attempts;
  private final Deadline deadline;
  private final Context context = Context.current();
  private Listener<A> listener;
  private Metadata headers;
  private Q request;
  private ClientCall<Q, A> attempt;
  private int attempted;
  private boolean provable = true;
  private boolean ended;

  RepeatedCall(ManagedChannel channel, Deadline deadline, Supplier<ClientCall<Q, A>> attempts) {
    this.channel = channel;
    this.deadline = deadline;
    this.attempts = attempts;
  }

  @Override
  public void start(Listener<A> listener, Metadata headers) {
    this.listener = listener;
    this.headers = headers;
  }

  @Override
  public void request(int messages) {
    // Each attempt asks for its one answer.
  }

  @Override
  public void sendMessage(Q message) {
    request = message;
  }

  @Override
  public void halfClose() {
    attempt();
  }

  @Override
  public void cancel(String message, Throwable cause) {
    synchronized (this) {
      if (attempt != null) {
        attempt.cancel(message, cause);
      }
    }
    // In a pause there is no attempt to report it.
    end(Status.CANCELLED.withDescription(message).withCause(cause), new Metadata(), null, null);
  }

  private synchronized void attempt() {
    if (ended) {
      return;
    }
    attempted++;
    attempt = attempts.get();
    // An attempt adds what only concerns itself.
    var copy = new Metadata();
    copy.merge(headers);
    attempt.start(new Attempt(), copy);
    attempt.request(1);
    attempt.sendMessage(request);
    attempt.halfClose();
  }

  /** Whether the call will be made again after this error. */
  private synchronized boolean repeats(GatewayException error) {
    Duration pause = Repetition.pause(attempted, error);
    if (ended
        || !error.mayBeRepeated()
        || attempted == Repetition.ATTEMPTS
        || channel.isShutdown()
        || pause.toMillis() > deadline.timeRemaining(TimeUnit.MILLISECONDS)) {
      return false;
    }
    // The channel itself would wait for up to two minutes with its next connection.
    channel.resetConnectBackoff();
    CompletableFuture.delayedExecutor(pause.toMillis(), TimeUnit.MILLISECONDS)
        .execute(context.wrap(this::attempt));
    return true;
  }

  /** The error of an attempt; it goes into the trailers whether one before may have arrived. */
  private synchronized GatewayException errorOf(Status status, Metadata trailers) {
    if (!provable) {
      trailers.put(GatewayException.DOUBTED, "true");
    }
    var error = new GatewayException(status, trailers);
    provable = error.nothingWasSent();
    return error;
  }

  private void end(Status status, Metadata trailers, Metadata answerHeaders, A answer) {
    synchronized (this) {
      if (ended) {
        return;
      }
      ended = true;
    }
    if (answerHeaders != null) {
      listener.onHeaders(answerHeaders);
    }
    if (answer != null) {
      listener.onMessage(answer);
    }
    listener.onClose(status, trailers);
  }

  private final class Attempt extends Listener<A> {
    private Metadata answerHeaders;
    private A answer;

    @Override
    public void onHeaders(Metadata headers) {
      answerHeaders = headers;
    }

    @Override
    public void onMessage(A message) {
      answer = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (status.isOk() || !repeats(errorOf(status, trailers))) {
        end(status, trailers, answerHeaders, answer);
      }
    }
  }
}
