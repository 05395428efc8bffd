/** Which addresses this process connects to for remote files: any, or where data roots are set public ones and those of networks that are allowed. */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { fail } from '../common/errors.js'
import { dataRoots } from '../runtime/data-roots.js'

/** Not for the public: the IANA registries of special-purpose addresses, and prefixes that hold an IPv4 address. */
const SPECIAL = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24',
  '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24',
  '224.0.0.0/4', '240.0.0.0/4',
  '::/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20',
  '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8',
] // oxfmt-ignore

/** Addresses and networks such as `10.1.2.3` or `fd00::/8`. Throws for what is none. */
export function networksOf(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [address, bits, ...rest] = text.split('/')
    const family = isIP(address)
    const longest = family === 4 ? 32 : 128
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (family === 0 || rest.length > 0 || prefix < 0 || prefix > longest) {
      throw new Error(`expected an address or a network such as 10.0.0.0/8, got '${text}'`)
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

const special = networksOf(SPECIAL)

/** Whether an IP address is for the public, or of a network that is allowed. (BlockList sees IPv4 in IPv6-mapped addresses.) */
function isAllowed(zoned: string): boolean {
  const roots = dataRoots()
  if (roots === undefined) return true
  const [address] = zoned.split('%')
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  return !special.check(address, family) || networksOf(roots.networks).check(address, family)
}

const notAllowed = (address: string, hostname: string): Error => fail('ADDRESS_NOT_ALLOWED', [hostname, address])

/** The host of a URL, if it is an address. Throws ADDRESS_NOT_ALLOWED. */
export function checkAddress(hostname: string): void {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0 && !isAllowed(bare)) throw notAllowed(bare, hostname)
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/**
 * As `lookup` of node:dns, for connections: what it gives is what is connected to, so that a name cannot mean another address between
 * the check and the connection. ADDRESS_NOT_ALLOWED if any address of the name is not allowed.
 */
export function allowedLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const refused = addresses.find(({ address }) => !isAllowed(address))
    if (refused !== undefined) return callback(notAllowed(refused.address, hostname), [])
    if (options.all === true) callback(null, addresses)
    else callback(null, addresses[0].address, addresses[0].family)
  })
}
