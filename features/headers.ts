import { addedHeaders, flag, texts } from "./fields.ts";

export const headersFields = {
  add_request_headers: addedHeaders(
    "Headers added to the request sent upstream, by name. An empty map switches the Module's off. Default: the Module's defaults.",
  ),
  add_response_headers: addedHeaders(
    "Headers added to the response, by name. An empty map switches the Module's off. Default: the Module's defaults.",
  ),
  remove_request_headers: texts(
    "Names of headers removed from the request sent upstream. Default: the Module's defaults.",
  ),
  remove_response_headers: texts("Names of headers removed from the response. Default: the Module's defaults."),
  add_linkerd_headers: flag(
    "Adds the request header l5d-dst-override with the upstream's host and port, for Linkerd. Default: the Module's add_linkerd_headers.",
  ),
};
