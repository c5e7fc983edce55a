package com.corefy.gateway;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How often a call is made, and how long it waits in between. */
final class Repetition {
  /**
   * How often a call is made at most: pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2 and 2 seconds, each
   * shortened by up to half, outlast a restart of the gateway.
   */
  static final int ATTEMPTS = 8;

  private static final long FIRST_PAUSE_MILLIS = 100;
  private static final long LONGEST_PAUSE_MILLIS = 2_000;

  private Repetition() {}

  /** The pause after this number of attempts: never less than the gateway asks for. */
  static Duration pause(int attempts, GatewayException error) {
    long longest = Math.min(FIRST_PAUSE_MILLIS << (attempts - 1), LONGEST_PAUSE_MILLIS);
    long millis = ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
    Duration asked = error.retryAfter().orElse(Duration.ZERO);
    return asked.toMillis() > millis ? asked : Duration.ofMillis(millis);
  }
}
