import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.StringJoiner;
import org.apache.datasketches.memory.Memory;
import org.apache.datasketches.theta.CompactSketch;
import org.apache.datasketches.theta.Intersection;
import org.apache.datasketches.theta.SetOperation;
import org.apache.datasketches.theta.Sketch;
import org.apache.datasketches.theta.Union;
import org.apache.datasketches.theta.UpdateSketch;

/**
 * Makes and reads theta images with datasketches-java: a job a line from the standard input, an answer a line.
 *
 * <p>Jobs, of words between blanks: {@code stream LG START STOP}, {@code read IMAGE}, {@code union LG A B},
 * {@code intersection A B} and {@code difference A B}. Images are in base64.
 *
 * <p>An answer, between tabs: estimate, three lower and three upper bounds, theta; then the ordered image, the unordered
 * one and the compressed one.
 */
public final class ThetaImages {
  public static void main(final String[] arguments) throws IOException {
    final BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String job = jobs.readLine(); job != null; job = jobs.readLine()) {
      System.out.println(answer(job.split(" ")));
    }
  }

  private static String answer(final String[] job) {
    switch (job[0]) {
      case "stream":
        final UpdateSketch sketch = UpdateSketch.builder().setLogNominalEntries(Integer.parseInt(job[1])).build();
        for (long value = Long.parseLong(job[2]); value < Long.parseLong(job[3]); value++) {
          sketch.update(value);
        }
        return said(sketch.compact(true, null), sketch.compact(false, null));
      case "union":
        final Union union = SetOperation.builder().setLogNominalEntries(Integer.parseInt(job[1])).buildUnion();
        union.union(read(job[2]));
        union.union(read(job[3]));
        return said(union.getResult(true, null), union.getResult(false, null));
      case "intersection":
        final Intersection intersection = SetOperation.builder().buildIntersection();
        intersection.intersect(read(job[1]));
        intersection.intersect(read(job[2]));
        return said(intersection.getResult(true, null), intersection.getResult(false, null));
      case "difference":
        final CompactSketch without = SetOperation.builder().buildANotB().aNotB(read(job[1]), read(job[2]));
        return said(without, without);
      default:
        final CompactSketch stored = CompactSketch.heapify(Memory.wrap(Base64.getDecoder().decode(job[1])));
        return said(stored, stored);
    }
  }

  /** As Spark's union reads it. */
  private static Sketch read(final String image) {
    return CompactSketch.wrap(Memory.wrap(Base64.getDecoder().decode(image)));
  }

  private static String said(final CompactSketch ordered, final CompactSketch unordered) {
    final StringJoiner answer = new StringJoiner("\t");
    answer.add(Double.toString(ordered.getEstimate()));
    for (int deviations = 1; deviations <= 3; deviations++) {
      answer.add(Double.toString(ordered.getLowerBound(deviations)));
    }
    for (int deviations = 1; deviations <= 3; deviations++) {
      answer.add(Double.toString(ordered.getUpperBound(deviations)));
    }
    answer.add(Double.toString(ordered.getTheta()));
    answer.add(encoded(ordered.toByteArray())).add(encoded(unordered.toByteArray()));
    return answer.add(encoded(ordered.toByteArrayCompressed())).toString();
  }

  private static String encoded(final byte[] image) {
    return Base64.getEncoder().encodeToString(image);
  }
}
