// A whole network of Bluesky on this machine: the server that holds accounts, and the one that is read.
// Prints its addresses as JSON, then "settled" for each line that it reads, when everything written has arrived
// everywhere. Ends when its input ends.
import { createInterface } from 'node:readline'
import { TestNetwork } from '@atproto/dev-env'

const network = await TestNetwork.create({ dbPostgresSchema: 'answerable' })
console.log(JSON.stringify({ accounts: network.pds.url, reading: network.bsky.url }))
for await (const _ of createInterface({ input: process.stdin })) {
  await network.processAll(30_000)
  console.log('settled')
}
process.exit(0)
