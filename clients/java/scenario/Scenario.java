import com.corefy.gateway.GatewayException;
import io.grpc.Metadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Runs the cases of clients/scenario against a gateway, with the package as it is installed.
 *
 * <p>Started by {@code clients/scenario/run}; clients/scenario/README.md has the format.
 */
final class Scenario {
  private static final long LOOK_MILLIS = 200;

  /** Makes the calls of steps. */
  interface Calls {
    /** The answer in JSON; {@code headers} gets what came before it. */
    Object answer(Map<String, Object> step, AtomicReference<Metadata> headers) throws Exception;
  }

  private final Calls calls;
  private Map<String, Object> variables = Map.of();

  private Scenario(Calls calls) {
    this.calls = calls;
  }

  /** The method of a step: {@code package.Service/Method}. */
  static String method(Map<String, Object> step) {
    Object call = step.getOrDefault("call", step.get("stream"));
    return (String) (call != null ? call : step.get("list"));
  }

  public static void main(String[] arguments) throws IOException {
    runAll("java", new Client());
  }

  /** Runs all cases and ends the process. */
  static void runAll(String language, Calls calls) throws IOException {
    var file = Files.readString(Path.of(System.getenv("SCENARIO_FILE")));
    var cases = Values.list(Values.GSON.fromJson(file, Map.class).get("cases"));
    var runner = new Scenario(calls);
    int failed = 0;
    for (Object each : cases) {
      String result = runner.run(Values.map(each));
      failed += result.equals("ok") ? 0 : 1;
      System.out.printf("test %s: %s ... %s%n", language, Values.at(each, "name"), result);
    }
    String sum = "test result: %s. %d passed; %d failed%n";
    System.out.printf(sum, failed == 0 ? "ok" : "FAILED", cases.size() - failed, failed);
    System.exit(failed == 0 ? 0 : 1);
  }

  private String run(Map<String, Object> testCase) {
    String run = UUID.randomUUID().toString().replace("-", "").substring(0, 12);
    variables = new HashMap<>(Map.of("run", run, "read_key", System.getenv("SCENARIO_READ_KEY")));
    int number = 0;
    try {
      for (Object step : Values.list(testCase.get("steps"))) {
        number++;
        step(Values.map(Values.filledIn(step, variables)));
      }
      return "ok";
    } catch (Exception | AssertionError error) {
      return "FAILED: step " + number + ": " + error;
    }
  }

  private void step(Map<String, Object> step) throws Exception {
    if (step.containsKey("control")) {
      var command = new ArrayList<>(List.of(System.getenv("SCENARIO_CONTROL")));
      Values.list(step.get("control")).forEach(word -> command.add((String) word));
      int exitCode = new ProcessBuilder(command).inheritIO().start().waitFor();
      Values.check((double) exitCode, 0.0, "exit code");
      return;
    }
    double seconds = (double) step.getOrDefault("eventually_seconds", 0.0);
    long end = System.nanoTime() + (long) (seconds * TimeUnit.SECONDS.toNanos(1));
    while (true) {
      try {
        call(step);
        return;
      } catch (AssertionError notYet) {
        if (System.nanoTime() > end) {
          throw notYet;
        }
        Thread.sleep(LOOK_MILLIS);
      }
    }
  }

  private void call(Map<String, Object> step) throws Exception {
    var expected = Values.map(step.get("expect"));
    var headers = new AtomicReference<>(new Metadata());
    Object answer;
    try {
      answer = calls.answer(step, headers);
    } catch (GatewayException error) {
      checkError(error, Values.map(expected.get("error")));
      return;
    }
    if (expected.containsKey("error")) {
      throw new AssertionError("no error but " + answer);
    }
    Values.checkAll(answer, expected.get("response"), "response");
    for (var header : Values.map(expected.get("metadata")).entrySet()) {
      var key = Metadata.Key.of(header.getKey(), Metadata.ASCII_STRING_MARSHALLER);
      Values.check(headers.get().get(key), header.getValue(), "header " + key.name());
    }
    Values.map(step.get("save"))
        .forEach((name, path) -> variables.put(name, Values.at(answer, path)));
  }

  private static void checkError(GatewayException error, Map<String, Object> expected) {
    if (expected.isEmpty()) {
      throw error;
    }
    Values.check(error.description(), "{{any}}", "description");
    boolean ours = !"".equals(expected.get("reason"));
    Object reason = "ERROR_REASON_" + (ours ? expected.get("reason") : "UNSPECIFIED");
    Values.check(error.reasonCode().name(), reason, "reasonCode");
    Values.check(!error.requestId().isEmpty(), ours, "that there is a request id");
    var actual =
        Map.of(
            "code", error.code().name(),
            "reason", error.reason(),
            "fields", List.copyOf(error.fields().keySet()),
            "retry_after", error.retryAfter().isPresent(),
            "nothing_was_sent", error.nothingWasSent());
    for (String member : expected.keySet()) {
      if (actual.containsKey(member)) {
        Values.check(actual.get(member), expected.get(member), member);
      }
    }
    Values.checkAll(error.metadata(), expected.get("metadata"), "metadata");
  }
}
