import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.StringJoiner;
import org.apache.datasketches.hll.HllSketch;
import org.apache.datasketches.hll.TgtHllType;
import org.apache.datasketches.hll.Union;

/**
 * Makes and reads HLL images with datasketches-java: a job a line from the standard input, an answer a line.
 *
 * <p>Jobs, of words between blanks: {@code read IMAGE}, {@code stream TYPE PART},
 * {@code union TYPE LG_K MORE PART...} and {@code gadget TYPE LG_K MORE PART...}, which serializes the union itself
 * and not its result. A part is {@code LG_K:START:STOP:VALUES:SEED}: a sketch that starts as the image SEED, or new,
 * and counts START to STOP - 1 and the VALUES between commas. MORE is how many integers from 0 on are counted
 * behind the merge. Images are in base64.
 *
 * <p>An answer, between tabs: estimate, composite estimate, three lower and three upper bounds; but for {@code read}
 * then the compact and the updatable image.
 */
public final class HllImages {
  public static void main(final String[] arguments) throws IOException {
    final BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    final PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String job = jobs.readLine(); job != null; job = jobs.readLine()) {
      answers.println(answer(job.split(" ")));
    }
    answers.flush();
  }

  private static String answer(final String[] job) {
    if (job[0].equals("read")) {
      return questions(HllSketch.heapify(decode(job[1]))).toString();
    }
    final TgtHllType type = TgtHllType.valueOf(job[1]);
    if (job[0].equals("stream")) {
      final HllSketch sketch = part(job[2], type);
      return images(questions(sketch), sketch.toCompactByteArray(), sketch.toUpdatableByteArray());
    }
    final Union union = new Union(Integer.parseInt(job[2]));
    for (int i = 4; i < job.length; i++) {
      union.update(part(job[i], type));
    }
    if (job[0].equals("gadget")) {
      count(union, Long.parseLong(job[3]));
      final byte[] compact = union.toCompactByteArray();
      return images(questions(union.getResult(TgtHllType.HLL_8)), compact, union.toUpdatableByteArray());
    }
    final HllSketch result = union.getResult(type);
    for (long value = 0; value < Long.parseLong(job[3]); value++) {
      result.update(value);
    }
    return images(questions(result), result.toCompactByteArray(), result.toUpdatableByteArray());
  }

  private static void count(final Union union, final long stop) {
    for (long value = 0; value < stop; value++) {
      union.update(value);
    }
  }

  private static HllSketch part(final String text, final TgtHllType type) {
    final String[] fields = text.split(":", -1);
    final HllSketch sketch =
        fields[4].isEmpty() ? new HllSketch(Integer.parseInt(fields[0]), type) : HllSketch.heapify(decode(fields[4]));
    for (long value = Long.parseLong(fields[1]); value < Long.parseLong(fields[2]); value++) {
      sketch.update(value);
    }
    if (!fields[3].isEmpty()) {
      for (final String value : fields[3].split(",")) {
        sketch.update(Long.parseLong(value));
      }
    }
    return sketch;
  }

  private static StringJoiner questions(final HllSketch sketch) {
    final StringJoiner answers = new StringJoiner("\t");
    answers.add(Double.toString(sketch.getEstimate())).add(Double.toString(sketch.getCompositeEstimate()));
    for (int deviations = 1; deviations <= 3; deviations++) {
      answers.add(Double.toString(sketch.getLowerBound(deviations)));
    }
    for (int deviations = 1; deviations <= 3; deviations++) {
      answers.add(Double.toString(sketch.getUpperBound(deviations)));
    }
    return answers;
  }

  private static String images(final StringJoiner answers, final byte[] compact, final byte[] updatable) {
    return answers.add(encode(compact)).add(encode(updatable)).toString();
  }

  private static byte[] decode(final String text) {
    return Base64.getDecoder().decode(text);
  }

  private static String encode(final byte[] image) {
    return Base64.getEncoder().encodeToString(image);
  }
}
