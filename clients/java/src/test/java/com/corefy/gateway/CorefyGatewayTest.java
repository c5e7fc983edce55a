package com.corefy.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.corefy.gateway.v1.CreateRefundRequest;
import com.corefy.gateway.v1.GetRefundRequest;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Beyond the scenario: what a call brings along, and when it is made again. */
@Timeout(30)
class CorefyGatewayTest {
  private static final CreateRefundRequest REFUND =
      CreateRefundRequest.newBuilder().setPaymentId("pi_1").setAmount("1.00").build();

  private final FakeGateway fake = new FakeGateway();
  private final CorefyGateway gateway = fake.connect(Duration.ofSeconds(5));

  @AfterEach
  void close() {
    gateway.close();
    fake.close();
  }

  @Test
  void aRepeatedCallKeepsItsIdempotencyKey() {
    fake.fail(Status.UNAVAILABLE, 3);
    gateway.refunds().createRefund(REFUND);
    assertEquals(4, fake.calls.size());
    assertEquals(1, Set.copyOf(fake.header("idempotency-key")).size());
  }

  @Test
  void twoCallsHaveTwoIdempotencyKeys() {
    gateway.refunds().createRefund(REFUND);
    gateway.refunds().createRefund(REFUND);
    assertEquals(2, Set.copyOf(fake.header("idempotency-key")).size());
  }

  @Test
  void theCallersIdempotencyKeyIsKept() {
    gateway.refunds().withOption(CorefyGateway.IDEMPOTENCY_KEY, "mine").createRefund(REFUND);
    assertEquals(List.of("mine"), fake.header("idempotency-key"));
  }

  @Test
  void aReadHasTheKeyButNoIdempotencyKey() {
    gateway.refunds().getRefund(GetRefundRequest.getDefaultInstance());
    assertEquals(List.of("Bearer pk:sk"), fake.header("authorization"));
    assertFalse(fake.calls.get(0).headers.keys().contains("idempotency-key"));
  }

  @Test
  void aCallHasTheDefaultDeadlineUnlessItBringsItsOwn() {
    gateway.refunds().createRefund(REFUND);
    gateway.refunds().withDeadlineAfter(60, TimeUnit.SECONDS).createRefund(REFUND);
    List<Long> seconds = fake.calls.stream().map(c -> c.secondsLeft).collect(Collectors.toList());
    assertTrue(seconds.get(0) <= 5 && seconds.get(1) > 50, seconds.toString());
  }

  @Test
  void whatWasRefusedIsNotRepeated() {
    fake.fail(Status.ABORTED.withDescription("no advice"), 1);
    var error = assertThrows(GatewayException.class, () -> gateway.refunds().createRefund(REFUND));
    assertEquals(Status.Code.ABORTED, error.code());
    assertEquals("ABORTED: no advice", error.getMessage());
    assertEquals(1, fake.calls.size());
  }

  @Test
  void theAdviceToWaitIsFollowed() {
    fake.fail(Status.ABORTED, 1, Duration.ofMillis(700));
    long begin = System.nanoTime();
    gateway.refunds().createRefund(REFUND);
    assertEquals(2, fake.calls.size());
    assertTrue(System.nanoTime() - begin >= Duration.ofMillis(700).toNanos());
  }

  @Test
  void aPauseThatWouldOutlastTheDeadlineIsNotBegun() {
    fake.fail(Status.RESOURCE_EXHAUSTED, 1, Duration.ofMinutes(1));
    var error = assertThrows(GatewayException.class, () -> gateway.refunds().createRefund(REFUND));
    assertEquals(Duration.ofMinutes(1), error.retryAfter().orElseThrow());
    assertEquals(1, fake.calls.size());
  }

  @Test
  void aCallIsMadeEightTimesAtMost() {
    fake.fail(Status.UNAVAILABLE, Integer.MAX_VALUE);
    try (var patient = fake.connect(Duration.ofMinutes(1))) {
      assertThrows(GatewayException.class, () -> patient.refunds().createRefund(REFUND));
    }
    assertEquals(8, fake.calls.size());
  }

  @Test
  void anInterruptedCallEndsAtOnce() {
    Thread.currentThread().interrupt();
    var error = assertThrows(GatewayException.class, () -> gateway.refunds().createRefund(REFUND));
    assertEquals(Status.Code.CANCELLED, error.code());
    assertTrue(Thread.interrupted());
  }

  @Test
  void futuresAreRepeatedTooAndTheirErrorsReadable() throws InterruptedException {
    fake.fail(Status.UNAVAILABLE, 1);
    fake.fail(Status.NOT_FOUND, 1);
    var call = gateway.futures().refunds().createRefund(REFUND);
    var error = assertThrows(ExecutionException.class, call::get);
    assertEquals(Status.Code.NOT_FOUND, GatewayException.of(error).code());
    assertEquals(2, fake.calls.size());
    assertEquals(1, Set.copyOf(fake.header("idempotency-key")).size());
  }

  @Test
  void eventsGoOnAfterABreakWithoutAGap() {
    fake.breakStreamsAfter(2);
    try (EventStream events = gateway.followEvents("", "refund.created")) {
      var seen = events.iterator();
      var ids =
          IntStream.range(0, 5).mapToObj(i -> seen.next().getId()).collect(Collectors.toList());
      assertEquals(List.of("1", "2", "3", "4", "5"), ids);
      events.close();
      assertFalse(seen.hasNext());
    }
  }

  @Test
  void streamsThatEndAtOnceAreOpenedAgainAfterPausesAndNotForEver() {
    fake.endStreamsAtOnce();
    try (EventStream events = gateway.followEvents("")) {
      var seen = events.iterator();
      var error = assertThrows(GatewayException.class, seen::hasNext);
      assertEquals(Status.Code.UNAVAILABLE, error.code());
      assertEquals(8, fake.streams.get());
    }
  }

  @Test
  void aListGoesOnBehindAPageThatIsEmptyAndEndsAtTheLastOne() {
    var tokens = new ArrayList<String>();
    var list =
        new Pages<>(
            token -> {
              tokens.add(token);
              return token.equals("2")
                  ? new Pages.Page<>(List.of("a"), "")
                  : new Pages.Page<>(List.<String>of(), token.equals("1") ? "2" : "1");
            });
    assertEquals(List.of("a"), list.stream().collect(Collectors.toList()));
    assertEquals(List.of("", "1", "2"), tokens);
  }

  @Test
  void detailsThatAreNotOursDoNotHideTheError() {
    var trailers = new Metadata();
    trailers.put(
        Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER),
        new byte[] {1});
    var error = GatewayException.of(new StatusException(Status.INTERNAL, trailers));
    assertEquals(Status.Code.INTERNAL, error.code());
    assertEquals("", error.reason());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "ftp://gateway", "https://gateway/v1", "http://", "a b:c"})
  void aTargetThatIsNoneIsRefused(String target) {
    assertThrows(IllegalArgumentException.class, () -> CorefyGateway.connect(target, "pk:sk"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gateway", "gateway:50051", "https://gateway", "http://[::1]:50051/"})
  void aTargetMayBeAHostWithOrWithoutSchemeAndPort(String target) {
    CorefyGateway.connect(target, "pk:sk").close();
  }

  @Test
  void credentialsNeedTls() {
    var builder = CorefyGateway.builder("http://gateway", "pk:sk");
    builder.credentials(InsecureChannelCredentials.create());
    assertThrows(IllegalArgumentException.class, builder::connect);
  }
}
