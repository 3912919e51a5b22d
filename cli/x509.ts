/** Imported dynamically, by name: esbuild gives a dynamic import of a CommonJS package nothing but `default`. */
import "./reflect.ts"; // before the next line
export {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
