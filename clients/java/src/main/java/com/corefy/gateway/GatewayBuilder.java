package com.corefy.gateway;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How a gateway is reached; made by {@link CorefyGateway#builder}. */
public final class GatewayBuilder {
  private static final Pattern TARGET =
      Pattern.compile(
          "(?:(?<scheme>https?)://)?(?<host>\\[[^\\]/]+\\]|[^:/@?#]+)(?::(?<port>\\d+))?/?");
  private static final long KEEPALIVE_SECONDS = 30;
  private static final long KEEPALIVE_TIMEOUT_SECONDS = 10;

  private final String target;
  private final String apiKey;
  private Duration timeout = CorefyGateway.DEFAULT_TIMEOUT;
  private ChannelCredentials credentials;

  GatewayBuilder(String target, String apiKey) {
    this.target = target;
    this.apiKey = apiKey;
  }

  /** For one call with all its repetitions, where its stub has no deadline of its own. */
  public GatewayBuilder timeout(Duration timeout) {
    this.timeout = timeout;
    return this;
  }

  /**
   * For a private authority or a client certificate: see {@link TlsChannelCredentials#newBuilder}.
   * Without them, the authorities of the Java runtime are trusted.
   */
  public GatewayBuilder credentials(ChannelCredentials credentials) {
    this.credentials = credentials;
    return this;
  }

  /**
   * The gateway.
   *
   * @throws IllegalArgumentException when the target is none, or has no TLS for the credentials
   */
  public CorefyGateway connect() {
    return new CorefyGateway(connection(), apiKey, timeout);
  }

  private ManagedChannel connection() {
    Matcher address = TARGET.matcher(target);
    if (!address.matches()) {
      throw new IllegalArgumentException(target + " is not like https://gateway.example:50051");
    }
    boolean isPlain = "http".equals(address.group("scheme"));
    if (isPlain && credentials != null) {
      throw new IllegalArgumentException("credentials need https://");
    }
    String port = address.group("port") != null ? address.group("port") : isPlain ? "80" : "443";
    return Grpc.newChannelBuilderForAddress(
            address.group("host"), Integer.parseInt(port), security(isPlain))
        .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
        // Its own repetitions know nothing of the gateway's advice.
        .disableRetry()
        .build();
  }

  private ChannelCredentials security(boolean isPlain) {
    if (isPlain) {
      return InsecureChannelCredentials.create();
    }
    return credentials != null ? credentials : TlsChannelCredentials.create();
  }
}
