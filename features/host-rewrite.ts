import { flag, text } from "./fields.ts";

export const hostRewriteFields = {
  host_rewrite: text("Host header sent upstream. Default: the request's own."),
  auto_host_rewrite: flag(
    "Sends the DNS name of the upstream as Host header; it needs a target that is resolved by DNS. Default: false.",
  ),
};
