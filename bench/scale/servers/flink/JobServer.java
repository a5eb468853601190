/** Beam's job server for a cluster that has Beam's classes: jobs need not bring them. */
public class JobServer {
  public static void main(String[] args) throws Exception {
    // What is on this path is sent with every job.
    System.setProperty("java.class.path", System.getProperty("zap.sent"));
    org.apache.beam.runners.flink.FlinkJobServerDriver.main(args);
  }
}
