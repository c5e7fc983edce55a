/** The entries of lists, page after page. */

import { clone, create, type Message } from "@bufbuild/protobuf";
import { createClient, type CallOptions, type Transport } from "@connectrpc/connect";

import { LISTS, type Lists } from "../generated/lists.js";

type List = (typeof LISTS)[keyof Lists];
/** A message of any type, by its members. */
type Members = Record<string, unknown>;
type Call = (request: object, options?: CallOptions) => Promise<Members>;

/** The lists of the gateway that the transport leads to. */
export function listsOf(transport: Transport): Lists {
  const lists = Object.entries(LISTS).map(([name, list]) => [name, entriesOf.bind(null, transport, list)]);
  return Object.fromEntries(lists) as Lists;
}

/** The next page is asked for when its first entry is: whoever leaves the loop before causes no further call. */
async function* entriesOf(
  transport: Transport,
  { method, entries, firstOnly }: List,
  asked: Members = {},
  options?: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  const call = createClient(method.parent, transport)[method.localName] as unknown as Call;
  // The caller's request stays as it is.
  const request = clone(method.input, create(method.input, asked)) as Message & Members;
  for (;;) {
    const page = await call(request, options);
    yield* page[entries] as unknown[];
    if (!page["nextPageToken"]) return;
    request["pageToken"] = page["nextPageToken"];
    if (firstOnly) request[firstOnly] = "";
  }
}
