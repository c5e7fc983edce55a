import com.google.gson.Gson;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/** JSON as the scenario looks at it: variables, paths, and whether a value fits. */
final class Values {
  static final Gson GSON = new Gson();
  private static final Pattern VARIABLE = Pattern.compile("\\{\\{(\\w+)}}");
  private static final String ANY = "{{any}}";
  private static final List<Object> DEFAULTS =
      Arrays.asList(null, "", 0.0, false, List.of(), Map.of());

  private Values() {}

  @SuppressWarnings("unchecked")
  static Map<String, Object> map(Object value) {
    return value == null ? Map.of() : (Map<String, Object>) value;
  }

  @SuppressWarnings("unchecked")
  static List<Object> list(Object value) {
    return (List<Object>) value;
  }

  static Object json(MessageOrBuilder message) throws InvalidProtocolBufferException {
    var printer = JsonFormat.printer().preservingProtoFieldNames();
    return GSON.fromJson(printer.print(message), Object.class);
  }

  /** The value with {@code {{name}}} replaced; a text that is nothing else becomes the variable. */
  static Object filledIn(Object value, Map<String, Object> variables) {
    if (value instanceof Map) {
      var filled = new LinkedHashMap<String, Object>();
      map(value).forEach((name, inner) -> filled.put(name, filledIn(inner, variables)));
      return filled;
    }
    if (value instanceof List) {
      return list(value).stream().map(inner -> filledIn(inner, variables)).toList();
    }
    if (!(value instanceof String text) || text.equals(ANY)) {
      return value;
    }
    var variable = VARIABLE.matcher(text);
    return variable.matches()
        ? variables.get(variable.group(1))
        : variable.replaceAll(found -> (String) variables.get(found.group(1)));
  }

  /** The value at the path; null where there is none. */
  static Object at(Object value, Object path) {
    for (String word : path.equals("") ? new String[0] : ((String) path).split("\\.")) {
      if (value instanceof List<?> entries) {
        int place = word.equals("#") ? -1 : Integer.parseInt(word);
        value = place < 0 ? entries.size() : place < entries.size() ? entries.get(place) : null;
      } else {
        value = value instanceof Map ? map(value).get(word) : null;
      }
    }
    return value instanceof Integer size ? (Object) size.doubleValue() : value;
  }

  static void check(Object actual, Object expected, String what) {
    boolean isDefault = DEFAULTS.contains(actual);
    boolean fits =
        ANY.equals(expected)
            ? !isDefault
            : Objects.equals(actual, expected) || isDefault && DEFAULTS.contains(expected);
    if (!fits) {
      throw new AssertionError(what + " is " + actual + ", not " + expected);
    }
  }

  /** Checks each path of {@code expected}. */
  static void checkAll(Object actual, Object expected, String what) {
    map(expected).forEach((path, value) -> check(at(actual, path), value, what + " " + path));
  }
}
