# Fills buckets by boto3, for as long as it is asked to: each line of its input is [BUCKET, {KEY: BASE64}], and each is answered by a line.
# Arguments: address of the server, keys to sign with. The first line that it writes says that it is ready.
import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

endpoint, access, secret = sys.argv[1:4]
s3 = boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id=access, aws_secret_access_key=secret,
                  config=Config(max_pool_connections=16))
for bucket in sys.argv[4:]:
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={'Status': 'Enabled'})
print('ready', flush=True)
with ThreadPoolExecutor(16) as pool:
    for line in sys.stdin:
        bucket, files = json.loads(line)
        puts = [pool.submit(s3.put_object, Bucket=bucket, Key=key, Body=base64.b64decode(text)) for key, text in files.items()]
        for put in puts:
            put.result()
        print('done', flush=True)
