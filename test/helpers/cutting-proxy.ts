/** A TCP proxy whose connections a test cuts. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface CuttingProxy {
  /** `host:port` to dial instead of the target's. */
  readonly address: string
  /** Connections accepted so far. */
  readonly accepted: () => number
  /** Destroys the connections that there are, when so many bytes more have passed, in both directions together. */
  cutAfter(bytes: number): void
  /** From now on connections are cut as soon as they are made. */
  refuse(): void
  close(): Promise<void>
}

/** `onCut` runs after connections were cut. */
export async function cuttingProxy(target: string, onCut: (proxy: CuttingProxy) => void): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let bytesLeft = Infinity
  let accepted = 0
  let refusing = false

  function track(socket: Socket): Socket {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    return socket
  }

  function pass(from: Socket, to: Socket): void {
    from.on('data', (data: Buffer) => {
      bytesLeft -= data.length
      if (bytesLeft > 0) return void to.write(data)
      bytesLeft = Infinity
      for (const socket of sockets) socket.destroy()
      onCut(proxy)
    })
    from.on('close', () => to.destroy())
  }

  const [host, port] = target.split(':')
  const server = createServer(client => {
    accepted++
    track(client)
    if (refusing) return void client.destroy()
    const upstream = track(connect(Number(port), host))
    pass(client, upstream)
    pass(upstream, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: CuttingProxy = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: () => accepted,
    cutAfter: bytes => void (bytesLeft = bytes),
    refuse: () => void (refusing = true),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
