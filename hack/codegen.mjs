// Envoy's types: descriptors out of the pinned binary -> xds/generated/*.ts (ts-proto) and descriptors.binpb (for JSON). Nothing of it is committed.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { extractDescriptors } from "./descriptors.mjs";

/** What the code encodes or decodes; everything these import comes along. Add a line when a feature needs a new message. */
const ROOTS = [
  "envoy/service/discovery/v3/ads.proto",
  "envoy/config/bootstrap/v3/bootstrap.proto",
  "envoy/config/cluster/v3/cluster.proto",
  "envoy/config/endpoint/v3/endpoint.proto",
  "envoy/config/listener/v3/listener.proto",
  "envoy/config/route/v3/route.proto",
  "envoy/config/trace/v3/datadog.proto",
  "envoy/config/trace/v3/opentelemetry.proto",
  "envoy/config/trace/v3/zipkin.proto",
  "envoy/extensions/access_loggers/stream/v3/stream.proto",
  "envoy/extensions/access_loggers/file/v3/file.proto",
  "envoy/extensions/access_loggers/grpc/v3/als.proto",
  "envoy/extensions/clusters/dns/v3/dns_cluster.proto",
  "envoy/extensions/compression/gzip/compressor/v3/gzip.proto",
  "envoy/extensions/filters/http/buffer/v3/buffer.proto",
  "envoy/extensions/filters/http/compressor/v3/compressor.proto",
  "envoy/extensions/filters/http/cors/v3/cors.proto",
  "envoy/extensions/filters/http/custom_response/v3/custom_response.proto",
  "envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto",
  "envoy/extensions/filters/http/filter_chain/v3/filter_chain.proto",
  "envoy/extensions/filters/http/grpc_http1_bridge/v3/config.proto",
  "envoy/extensions/filters/http/grpc_stats/v3/config.proto",
  "envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto",
  "envoy/extensions/filters/http/lua/v3/lua.proto",
  "envoy/extensions/filters/http/ratelimit/v3/rate_limit.proto",
  "envoy/extensions/filters/http/router/v3/router.proto",
  "envoy/extensions/filters/http/rbac/v3/rbac.proto",
  "envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.proto",
  "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto",
  "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
  "envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy.proto",
  "envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto",
  "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
  "envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto",
  "envoy/extensions/regex_engines/v3/google_re2.proto",
  "envoy/extensions/transport_sockets/quic/v3/quic_transport.proto",
  "envoy/extensions/transport_sockets/tls/v3/tls.proto",
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
  "envoy/service/accesslog/v3/als.proto",
  "envoy/service/auth/v3/external_auth.proto",
  "envoy/service/ratelimit/v3/rls.proto",
  "envoy/service/runtime/v3/rtds.proto",
  "envoy/type/matcher/v3/http_inputs.proto",
  "envoy/type/matcher/v3/status_code_input.proto",
];

const OPTIONS = [
  "esModuleInterop=true",
  "outputServices=none",
  "oneof=unions-value",
  "useOptionals=all", // encode() takes plain literals; misspelt fields are still compile errors
  "forceLong=number",
  "importSuffix=.ts",
  "env=node",
  "outputTypeAnnotations=static-only", // Codec.$type, for packing into Any
  "outputJsonMethods=false", // ts-proto's JSON is not proto3 JSON for Envoy; we use @bufbuild/protobuf's registry for that
  "enumsAsLiterals=true", // enums do not survive Node's type stripping
].join(",");

/**
 * @param {{ envoy: string, outDir: string, descriptorsFile: string, root: string }} paths
 * @returns {number} how many files were written
 */
export function generateEnvoyTypes({ envoy, outDir, descriptorsFile, root }) {
  const descriptors = extractDescriptors(fs.readFileSync(envoy));
  fs.mkdirSync(path.dirname(descriptorsFile), { recursive: true });
  fs.writeFileSync(descriptorsFile, descriptors);
  const { file: protoFile } = fromBinary(FileDescriptorSetSchema, descriptors);
  const byName = new Map(protoFile.map((file) => [file.name, file]));
  const wanted = new Set();
  const want = (name) => {
    if (wanted.has(name)) return;
    const file = byName.get(name);
    if (file === undefined)
      throw new Error(`${name} is not among the descriptors of ${envoy}: was it renamed in this Envoy release?`);
    wanted.add(name);
    file.dependency.forEach(want);
  };
  ROOTS.forEach(want);
  const request = create(CodeGeneratorRequestSchema, { fileToGenerate: [...wanted], parameter: OPTIONS, protoFile });
  const plugin = spawnSync(process.execPath, [path.join(root, "node_modules/ts-proto/build/src/plugin.js")], {
    input: toBinary(CodeGeneratorRequestSchema, request),
    maxBuffer: 1 << 28,
  });
  if (plugin.status !== 0) throw new Error(`ts-proto failed: ${plugin.stderr}`);
  const { file, error } = fromBinary(CodeGeneratorResponseSchema, plugin.stdout);
  if (error) throw new Error(`ts-proto: ${error}`);
  fs.rmSync(outDir, { recursive: true, force: true });
  for (const { name, content } of file) {
    const target = path.join(outDir, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    // Generated code is not ours to type-check line by line (2 s less of every tsc run); its exported types still hold.
    fs.writeFileSync(target, `// @ts-nocheck\n${content}`);
  }
  return file.length;
}
