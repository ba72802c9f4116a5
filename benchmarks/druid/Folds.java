import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.druid.hll.HyperLogLogCollector;
import org.apache.druid.hll.HyperLogLogHash;
import org.apache.druid.query.aggregation.histogram.ApproximateHistogram;

/** What Druid's own classes take to merge, and what they answer: in one thread, a line of numbers for each question. */
public class Folds {
  /** Something that merges every object, and says what came out. */
  private interface Fold {
    double run();
  }

  public static void main(String[] arguments) throws IOException {
    Path file = arguments.length > 1 ? Path.of(arguments[1]) : null;
    switch (arguments[0]) {
      case "hyper-uniques" -> hyperUniques(file, Integer.parseInt(arguments[2]));
      case "histograms" -> histograms(file, Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]), Integer.parseInt(arguments[4]));
      case "quantiles" -> quantiles(file, Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]), arguments[4]);
      case "estimates" -> estimates(Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  /** The best time of a round, in seconds of this thread, whatever else the machine does; and what came out. */
  private static void time(int rounds, Fold fold) {
    ThreadMXBean clock = ManagementFactory.getThreadMXBean();
    double best = Double.POSITIVE_INFINITY;
    double result = 0;
    for (int round = 0; round < rounds; round++) {
      long start = clock.getCurrentThreadCpuTime();
      result = fold.run();
      best = Math.min(best, (clock.getCurrentThreadCpuTime() - start) / 1e9);
    }
    System.out.printf(Locale.ROOT, "%.9f %.9f%n", best, result);
  }

  /** Stored hyperUniques folded into one, as Druid's aggregator does: each wrapped, none copied. */
  private static void hyperUniques(Path file, int rounds) throws IOException {
    List<ByteBuffer> stored = new ArrayList<>();
    try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      while (in.available() > 0) {
        byte[] image = new byte[in.readInt()];
        in.readFully(image);
        stored.add(ByteBuffer.wrap(image));
      }
    }
    time(rounds, () -> {
      HyperLogLogCollector union = HyperLogLogCollector.makeLatestCollector();
      for (ByteBuffer image : stored) {
        union.fold(HyperLogLogCollector.makeCollector(image.duplicate()));
      }
      return union.estimateCardinality();
    });
  }

  /** The histograms of groups of so many values: folded as objects, and from their bytes; then how many bytes. */
  private static void histograms(Path file, int group, int bins, int rounds) throws IOException {
    List<ApproximateHistogram> objects = groups(file, group, bins);
    List<byte[]> stored = objects.stream().map(ApproximateHistogram::toBytes).toList();
    float[] positions = new float[bins];
    long[] counts = new long[bins];
    time(rounds, () -> {
      var union = new ApproximateHistogram(bins);
      for (ApproximateHistogram histogram : objects) {
        union.foldFast(histogram, positions, counts);
      }
      return union.count();
    });
    time(rounds, () -> {
      var union = new ApproximateHistogram(bins);
      for (byte[] image : stored) {
        union.foldFast(ApproximateHistogram.fromBytes(image), positions, counts);
      }
      return union.count();
    });
    System.out.println(stored.stream().mapToInt(image -> image.length).sum());
  }

  /** The union of histograms of groups of so many values: how many bytes, then its quantiles. */
  private static void quantiles(Path file, int group, int bins, String probabilities) throws IOException {
    var union = new ApproximateHistogram(bins);
    groups(file, group, bins).forEach(union::foldFast);
    String[] words = probabilities.split(",");
    float[] asked = new float[words.length];
    for (int i = 0; i < words.length; i++) {
      asked[i] = Float.parseFloat(words[i]);
    }
    System.out.println(union.toBytes().length);
    for (float quantile : union.getQuantiles(asked)) {
      System.out.println(quantile);
    }
  }

  /** The estimates of so many sketches of so many texts, "trial-number" each. */
  private static void estimates(int trials, int count) {
    for (int trial = 0; trial < trials; trial++) {
      HyperLogLogCollector collector = HyperLogLogCollector.makeLatestCollector();
      for (int number = 0; number < count; number++) {
        collector.add(HyperLogLogHash.getDefault().hash(trial + "-" + number));
      }
      System.out.println(collector.estimateCardinality());
    }
  }

  private static List<ApproximateHistogram> groups(Path file, int group, int bins) throws IOException {
    var values = ByteBuffer.wrap(Files.readAllBytes(file)).asFloatBuffer();
    List<ApproximateHistogram> histograms = new ArrayList<>();
    while (values.hasRemaining()) {
      var histogram = new ApproximateHistogram(bins);
      for (int i = 0; i < group; i++) {
        histogram.offer(values.get());
      }
      histograms.add(histogram);
    }
    return histograms;
  }
}
