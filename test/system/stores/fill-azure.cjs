// Fills a container by Azure's own client, for as long as it is asked to: each line of its input is [CONTAINER, {KEY: BASE64}], and each is
// answered by a line. Arguments: address of the account, its name, its key, containers to make. The first line that it writes is a shared
// access signature for reading and listing the first of them. Runs where there is @azure/storage-blob.
const { createInterface } = require('node:readline');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const required = createRequire(join(process.cwd(), 'package.json'));
const { BlobServiceClient, ContainerSASPermissions, StorageSharedKeyCredential, generateBlobSASQueryParameters } =
  required('@azure/storage-blob');

async function main([endpoint, account, key, ...containers]) {
  const credential = new StorageSharedKeyCredential(account, key);
  const service = new BlobServiceClient(endpoint, credential);
  for (const name of containers) await service.getContainerClient(name).create();
  const [containerName] = containers;
  const expiresOn = new Date(Date.now() + 3_600_000);
  const permissions = ContainerSASPermissions.parse('rl');
  console.log(generateBlobSASQueryParameters({ containerName, permissions, expiresOn }, credential).toString());
  for await (const line of createInterface({ input: process.stdin })) {
    const [container, files] = JSON.parse(line);
    const client = service.getContainerClient(container);
    const waiting = Object.entries(files);
    const work = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const bytes = Buffer.from(next[1], 'base64');
        await client.getBlockBlobClient(next[0]).upload(bytes, bytes.length);
      }
    };
    await Promise.all(Array.from({ length: 16 }, work));
    console.log('done');
  }
}

main(process.argv.slice(2));
