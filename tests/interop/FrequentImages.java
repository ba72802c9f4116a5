import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.StringJoiner;
import java.util.function.LongFunction;
import org.apache.datasketches.common.ArrayOfItemsSerDe;
import org.apache.datasketches.common.ArrayOfLongsSerDe;
import org.apache.datasketches.common.ArrayOfStringsSerDe;
import org.apache.datasketches.frequencies.ErrorType;
import org.apache.datasketches.frequencies.ItemsSketch;
import org.apache.datasketches.memory.Memory;

/**
 * Makes and reads sketches of frequent items with datasketches-java: a job a line from the standard input, an answer a line.
 *
 * <p>Jobs, of words between blanks: {@code stream KIND SIZE STEPS DISTINCT} and {@code read KIND IMAGE}; KIND is
 * {@code long} or {@code string}, images are in base64. The stream has the item {@code i * i % DISTINCT} for each i below
 * STEPS, with the weight {@code 1 + i % 3}.
 *
 * <p>An answer, between tabs: the image, then item, lower and upper bound of each item.
 */
public final class FrequentImages {
  public static void main(final String[] arguments) throws IOException {
    final BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String job = jobs.readLine(); job != null; job = jobs.readLine()) {
      final String[] words = job.split(" ");
      System.out.println(
          words[1].equals("long")
              ? answer(words, new ArrayOfLongsSerDe(), item -> item)
              : answer(words, new ArrayOfStringsSerDe(), item -> "ä" + item));
    }
  }

  /** Does a job with items of a type, which {@code item} makes of the numbers of a stream. */
  private static <T> String answer(
      final String[] job, final ArrayOfItemsSerDe<T> serde, final LongFunction<T> item) {
    if (job[0].equals("read")) {
      return said(ItemsSketch.getInstance(image(job[2]), serde), serde);
    }
    final ItemsSketch<T> sketch = new ItemsSketch<>(Integer.parseInt(job[2]));
    for (long i = 0; i < Long.parseLong(job[3]); i++) {
      sketch.update(item.apply(i * i % Long.parseLong(job[4])), 1 + i % 3);
    }
    return said(sketch, serde);
  }

  private static Memory image(final String base64) {
    return Memory.wrap(Base64.getDecoder().decode(base64));
  }

  private static <T> String said(final ItemsSketch<T> sketch, final ArrayOfItemsSerDe<T> serde) {
    final StringJoiner answer = new StringJoiner("\t");
    answer.add(Base64.getEncoder().encodeToString(sketch.toByteArray(serde)));
    for (final ItemsSketch.Row<T> row : sketch.getFrequentItems(0, ErrorType.NO_FALSE_NEGATIVES)) {
      answer.add(Base64.getEncoder().encodeToString(row.getItem().toString().getBytes(StandardCharsets.UTF_8)));
      answer.add(Long.toString(row.getLowerBound())).add(Long.toString(row.getUpperBound()));
    }
    return answer.toString();
  }
}
