import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.druid.hll.HyperLogLogCollector;
import org.apache.druid.hll.HyperLogLogHash;
import org.apache.druid.query.aggregation.histogram.ApproximateHistogram;

/**
 * What Druid's own classes answer: a command a line, its words parted by spaces, and an answer a line. Sketches and texts
 * are in hexadecimal digits, an empty one is a hyphen, floats and doubles are as Java writes them.
 */
public class Druid {
  private static final HexFormat HEX = HexFormat.of();

  public static void main(String[] arguments) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    var out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      List<String> words = Arrays.asList(line.split(" "));
      String answer;
      try {
        answer = answer(words.get(0), words.subList(1, words.size()));
      } catch (Exception error) {
        answer = "error " + error.toString().replaceAll("\\s+", " ");
      }
      out.println(answer);
    }
  }

  private static String answer(String command, List<String> words) {
    return switch (command) {
      case "hll-of" -> hllOf(words);
      case "hll-of-range" -> hllOfRange(words.get(0), Long.parseLong(words.get(1)), Long.parseLong(words.get(2)));
      case "hll-of-ranks" -> hllOfRanks(words);
      case "hll-fold" -> hllFold(words);
      case "hll-estimate" -> Double.toString(HyperLogLogCollector.estimateByteBuffer(ByteBuffer.wrap(bytes(words.get(0)))));
      case "histogram-of" -> hex(histogramOf(words).toBytes());
      case "histogram-fold" -> hex(histogramFold(words).toBytes());
      case "histogram-write" -> histogramWrite(words.get(0), words.get(1));
      case "histogram-read" -> histogramRead(words.get(0));
      default -> throw new IllegalArgumentException("no command " + command);
    };
  }

  /** The sketch of these texts. */
  private static String hllOf(List<String> texts) {
    HyperLogLogCollector collector = HyperLogLogCollector.makeLatestCollector();
    texts.forEach(text -> collector.add(HyperLogLogHash.getDefault().hash(bytes(text))));
    return hex(collector.toByteArray());
  }

  /** The sketch of a prefix and each number from one up to another. */
  private static String hllOfRange(String prefix, long first, long end) {
    HyperLogLogCollector collector = HyperLogLogCollector.makeLatestCollector();
    String start = new String(bytes(prefix), StandardCharsets.UTF_8);
    for (long number = first; number < end; number++) {
      collector.add(HyperLogLogHash.getDefault().hash(start + number));
    }
    return hex(collector.toByteArray());
  }

  /** The sketch of hashes with these registers and ranks, "register:rank" each. */
  private static String hllOfRanks(List<String> pairs) {
    HyperLogLogCollector collector = HyperLogLogCollector.makeLatestCollector();
    for (String pair : pairs) {
      String[] parts = pair.split(":");
      collector.add(Short.parseShort(parts[0]), Byte.parseByte(parts[1]));
    }
    return hex(collector.toByteArray());
  }

  private static String hllFold(List<String> sketches) {
    HyperLogLogCollector union = HyperLogLogCollector.makeLatestCollector();
    sketches.forEach(sketch -> union.fold(ByteBuffer.wrap(bytes(sketch))));
    return hex(union.toByteArray());
  }

  /** The histogram of so many bins, and values. */
  private static ApproximateHistogram histogramOf(List<String> words) {
    var histogram = new ApproximateHistogram(Integer.parseInt(words.get(0)));
    words.subList(1, words.size()).forEach(value -> histogram.offer(Float.parseFloat(value)));
    return histogram;
  }

  /** The union of histograms in so many bins. */
  private static ApproximateHistogram histogramFold(List<String> words) {
    var union = new ApproximateHistogram(Integer.parseInt(words.get(0)));
    words.subList(1, words.size()).forEach(histogram -> union.foldFast(ApproximateHistogram.fromBytes(bytes(histogram))));
    return union;
  }

  private static String histogramWrite(String form, String hex) {
    ApproximateHistogram histogram = ApproximateHistogram.fromBytes(bytes(hex));
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    switch (form) {
      case "dense" -> histogram.toBytesDense(buffer);
      case "sparse" -> histogram.toBytesSparse(buffer);
      case "compact" -> histogram.toBytesCompact(buffer);
      default -> throw new IllegalArgumentException("no form " + form);
    }
    return hex(Arrays.copyOf(buffer.array(), buffer.position()));
  }

  /** Count, exact count, minimum, maximum, then "position:count" of each bin. */
  private static String histogramRead(String hex) {
    ApproximateHistogram histogram = ApproximateHistogram.fromBytes(bytes(hex));
    var words = new ArrayList<String>();
    words.add(Long.toString(histogram.count()));
    words.add(Long.toString(histogram.getExactCount()));
    words.add(Float.toString(histogram.min()));
    words.add(Float.toString(histogram.max()));
    for (int bin = 0; bin < histogram.binCount(); bin++) {
      words.add(histogram.positions()[bin] + ":" + histogram.bins()[bin]);
    }
    return String.join(" ", words);
  }

  private static byte[] bytes(String hex) {
    return hex.equals("-") ? new byte[0] : HEX.parseHex(hex);
  }

  private static String hex(byte[] bytes) {
    return bytes.length == 0 ? "-" : HEX.formatHex(bytes);
  }
}
