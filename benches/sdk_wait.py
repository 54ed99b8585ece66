"""Waits with the public Python SDK, as its users do: python3 sdk_wait.py URL JOB_ID."""

import os
import sys
import time

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkgaussdb.v3 import GaussDBClient, ShowGaussMySqlJobInfoRequest

client = (
    GaussDBClient.new_builder()
    .with_credentials(BasicCredentials("AK", "SK", os.environ["HW_PROJECT_ID"]))
    .with_endpoint(sys.argv[1])
    .build()
)
while True:
    job = client.show_gauss_my_sql_job_info(ShowGaussMySqlJobInfoRequest(id=sys.argv[2])).job
    if job.status in ("Completed", "Failed"):
        sys.exit(job.status != "Completed")
    time.sleep(10)
