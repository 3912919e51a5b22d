import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";

export interface GrpcBackend {
  /** `127.0.0.1:PORT`. */
  readonly service: string;
  close(): Promise<void>;
}

const bytes = (value: Buffer) => value;

/** The gRPC method `test.Echo/Say`, which answers the bytes that it got. */
export async function grpcBackend(): Promise<GrpcBackend> {
  const server = new Server();
  const service: ServiceDefinition = {
    say: {
      path: "/test.Echo/Say",
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  };
  server.addService(service, {
    say: (call: { request: Buffer }, answer: (error: null, value: Buffer) => void) => answer(null, call.request),
  });
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? done(bound) : fail(error),
    ),
  );
  return { service: `127.0.0.1:${port}`, close: async () => server.forceShutdown() };
}
