import com.corefy.gateway.CorefyGateway;
import com.corefy.gateway.GatewayException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/** Makes the scenario's calls, through the stubs that users have: one connection a key. */
final class Client implements Scenario.Calls {
  private static final int STREAM_SECONDS = 30;

  private final Map<String, CorefyGateway> gateways = new HashMap<>();

  @Override
  public Object answer(Map<String, Object> step, AtomicReference<Metadata> headers)
      throws Exception {
    String[] path = Scenario.method(step).split("[./]");
    String apiKey = (String) step.getOrDefault("api_key", System.getenv("SCENARIO_API_KEY"));
    String method = path[path.length - 1];
    if (step.containsKey("list")) {
      String list = method.substring("List".length());
      var entries = (Iterable<?>) invoke(gateway(apiKey).all(), list, step.get("request"));
      return kept(entries.iterator(), step);
    }
    AbstractStub<?> stub =
        stub(gateway(apiKey), path[path.length - 2])
            .withInterceptors(
                MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>()));
    if (step.containsKey("idempotency_key")) {
      stub = stub.withOption(CorefyGateway.IDEMPOTENCY_KEY, (String) step.get("idempotency_key"));
    }
    if (step.containsKey("timeout_seconds")) {
      double seconds = (double) step.get("timeout_seconds");
      stub = stub.withDeadlineAfter((long) seconds, TimeUnit.SECONDS);
    }
    if (step.containsKey("call")) {
      return Values.json((Message) invoke(stub, method, step.get("request")));
    }
    var limited = stub.withDeadlineAfter(STREAM_SECONDS, TimeUnit.SECONDS);
    try (var context = Context.current().withCancellation()) {
      var stream = context.call(() -> invoke(limited, method, step.get("request")));
      return kept((Iterator<?>) stream, step);
    } catch (StatusRuntimeException broken) {
      throw GatewayException.of(broken);
    }
  }

  /** Reads a stream or a list to its end, or until enough is kept of its messages. */
  private static Object kept(Iterator<?> stream, Map<String, Object> step) throws IOException {
    var messages = new ArrayList<Object>();
    double most = (double) step.getOrDefault("take", Double.POSITIVE_INFINITY);
    while (messages.size() < most && stream.hasNext()) {
      Object message = Values.json((Message) stream.next());
      Object member = Values.at(message, step.getOrDefault("each", ""));
      if (member != null) {
        messages.add(member);
      }
    }
    return Map.of("messages", messages);
  }

  CorefyGateway gateway(String apiKey) throws IOException {
    if (!gateways.containsKey(apiKey)) {
      var authority = new File(System.getenv("SCENARIO_CA"));
      var credentials = TlsChannelCredentials.newBuilder().trustManager(authority).build();
      var builder = CorefyGateway.builder(System.getenv("SCENARIO_TARGET"), apiKey);
      gateways.put(apiKey, builder.credentials(credentials).connect());
    }
    return gateways.get(apiKey);
  }

  private static AbstractStub<?> stub(CorefyGateway gateway, String service) {
    return switch (service) {
      case "PaymentIntentService" -> gateway.paymentIntents();
      case "RefundService" -> gateway.refunds();
      case "CustomerService" -> gateway.customers();
      case "PaymentMethodService" -> gateway.paymentMethods();
      case "EventService" -> gateway.events();
      case "ExportService" -> gateway.exports();
      case "RiskService" -> gateway.risk();
      case "GatewayService" -> gateway.gateway();
      default -> throw new AssertionError("no service " + service);
    };
  }

  /** Calls the method of a stub or of lists, which has one parameter: the request. */
  private static Object invoke(Object stub, String name, Object json) throws Exception {
    var methods = Stream.of(stub.getClass().getMethods());
    var method = methods.filter(m -> m.getName().equalsIgnoreCase(name)).findAny().orElseThrow();
    var type = method.getParameterTypes()[0];
    var request = (Message.Builder) type.getMethod("newBuilder").invoke(null);
    JsonFormat.parser().merge(Values.GSON.toJson(json), request);
    try {
      return method.invoke(stub, request.build());
    } catch (InvocationTargetException thrown) {
      throw (Exception) thrown.getCause();
    }
  }
}
