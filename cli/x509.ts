/** Imported dynamically, by name: esbuild gives a dynamic import of a CommonJS package nothing but `default`. */
import "./reflect.ts"; // before the next line
export { SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";
