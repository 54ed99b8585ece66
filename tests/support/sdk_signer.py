"""Signs a thousand random requests with the public Python SDK, a JSON object a line. Exits 77 without it."""

import json
import random
import sys

try:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer
except ImportError:
    sys.exit(77)

seed = random.randrange(2**32)
print("seed", seed, file=sys.stderr)
dice = random.Random(seed)
LETTERS = "abcXYZ019-._~ /%+&=?*:@!$'()[]äüß中文"


def text(low, high, letters=LETTERS):
    return "".join(dice.choice(letters) for _ in range(dice.randint(low, high)))


for _ in range(1000):
    ak, sk = text(5, 20, "ABC019"), text(20, 40, "abcXYZ019")
    method = dice.choice(["GET", "POST", "PUT", "DELETE"])
    # Without '%': the SDK decodes the path it is given, we sign the path as it is on the wire.
    path = "".join("/" + text(0, 8, "abcXYZ019-._~ +:@äü中") for _ in range(dice.randint(1, 4)))
    query = [(text(1, 6), text(0, 10)) for _ in range(dice.randint(0, 4))]
    headers = {
        "Host": text(3, 10, "abc019") + ".example" + dice.choice(["", ":8443"]),
        "X-Sdk-Date": "2026%02d%02dT%02d0405Z" % (dice.randint(1, 12), dice.randint(1, 28), dice.randint(0, 23)),
        "Content-Type": "application/json",
    }
    if dice.random() < 0.5:
        headers["X-Project-Id"] = text(32, 32, "0123456789abcdef")
    if dice.random() < 0.5:
        headers["X-Security-Token"] = text(10, 60, "abcXYZ019+/=")
    body = dice.choice(["", "{}", json.dumps({"name": text(0, 20)})])
    sent = dict(headers)
    request = SdkRequest(method=method, schema="https", host=sent["Host"], resource_path=path, uri=path,
                         query_params=list(query), header_params=sent, body=body, stream=False)
    signed = Signer(BasicCredentials(ak, sk, "p")).sign(request)
    wire = signed.uri.split("?", 1)[1] if "?" in signed.uri[len(path):] else ""
    print(json.dumps({"ak": ak, "sk": sk, "method": method, "path": path, "query": wire,
                      "headers": list(headers.items()), "body": body,
                      "authorization": signed.header_params["Authorization"]}))
