package com.corefy.gateway;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * Lets blocking stubs throw {@link GatewayException}. They make an exception of their own of what a
 * call ends with, but pass on what a call throws: so here the caller waits inside of the call.
 */
final class TypedErrors implements ClientInterceptor {
  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    if (method.getType() != MethodType.UNARY) {
      return next.newCall(method, options);
    }
    // The stub's own executor is the thread that waits here.
    return new WaitingCall<>(next.newCall(method, options.withExecutor(Runnable::run)));
  }

  private static final class WaitingCall<Q, A> extends SimpleForwardingClientCall<Q, A> {
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private volatile Metadata trailers;

    WaitingCall(ClientCall<Q, A> call) {
      super(call);
    }

    @Override
    public void start(Listener<A> listener, Metadata headers) {
      super.start(
          new SimpleForwardingClientCallListener<>(listener) {
            @Override
            public void onClose(Status status, Metadata closing) {
              trailers = closing;
              try {
                super.onClose(status, closing);
              } finally {
                end.complete(status);
              }
            }
          },
          headers);
    }

    @Override
    public void halfClose() {
      super.halfClose();
      Status status;
      try {
        status = end.get();
        // The stub would refuse the answer for it, with an exception of its own.
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        cancel("the caller was interrupted", interrupted);
        status = Status.CANCELLED.withDescription("interrupted").withCause(interrupted);
      } catch (ExecutionException impossible) {
        throw new AssertionError(impossible);
      }
      if (!status.isOk()) {
        throw new GatewayException(status, trailers);
      }
    }
  }
}
