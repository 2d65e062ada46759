import com.sun.source.util.JavacTask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Checks that files are Java, without the libraries that they need: java Syntax.java FILE...
 *
 * <p>With some of the libraries, java Syntax.java --class-path PATH FILE..., also that they use these rightly; what
 * comes from a package that is not there is left alone.
 */
public final class Syntax {
    private static final Pattern IMPORT = Pattern.compile("(?m)^import ([\\w.]+)\\.(\\w+);");
    private static final Pattern MISSING_PACKAGE = Pattern.compile("package ([\\w.]+) does not exist");
    private static final Pattern MISSING_NAME = Pattern.compile("symbol:\\s+(?:class|variable) (\\w+)");

    private Syntax() {}

    public static void main(String[] arguments) throws Exception {
        var files = new ArrayList<>(List.of(arguments));
        var options = new ArrayList<>(List.of("-proc:none", "-Xlint:none"));
        boolean hasClasses = files.get(0).equals("--class-path");
        if (hasClasses) {
            options.addAll(files.subList(0, 2));
            files.subList(0, 2).clear();
        }
        var compiler = ToolProvider.getSystemJavaCompiler();
        var found = new DiagnosticCollector<JavaFileObject>();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(found, Locale.ROOT, null)) {
            var sources = manager.getJavaFileObjectsFromPaths(files.stream().map(Path::of).toList());
            var task = (JavacTask) compiler.getTask(null, manager, found, options, null, sources);
            if (hasClasses) {
                task.analyze();
            } else {
                task.parse();
            }
        }
        List<String> missing = hasClasses ? missing(files, found) : List.of();
        var wrong = found.getDiagnostics().stream()
                .filter(one -> one.getKind() == Diagnostic.Kind.ERROR && !isMissing(one, missing))
                .toList();
        wrong.forEach(System.err::println);
        System.exit(wrong.isEmpty() ? 0 : 1);
    }

    /** The classes that the files import from packages that are not there. */
    private static List<String> missing(List<String> files, DiagnosticCollector<JavaFileObject> found) throws Exception {
        var packages = found.getDiagnostics().stream()
                .map(one -> MISSING_PACKAGE.matcher(one.getMessage(Locale.ROOT)))
                .filter(match -> match.find())
                .map(match -> match.group(1))
                .filter(name -> name.startsWith("io.nats."))
                .toList();
        var names = new ArrayList<String>();
        for (String file : files) {
            var imported = IMPORT.matcher(Files.readString(Path.of(file)));
            while (imported.find()) {
                if (packages.contains(imported.group(1))) {
                    names.add(imported.group(2));
                }
            }
        }
        return names;
    }

    private static boolean isMissing(Diagnostic<?> one, List<String> missing) {
        String message = one.getMessage(Locale.ROOT);
        var symbol = MISSING_NAME.matcher(message);
        return message.startsWith("package io.nats.") || symbol.find() && missing.contains(symbol.group(1));
    }
}
