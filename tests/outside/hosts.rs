//! Which host: the table of regions, guesses, and the endpoints that the users of the SDKs have set.

use super::sources::Folder;
use super::support::child::{Run, bare, with_unknown_hosts};
use super::support::server::{Act, Server, answer};
use super::support::{CANARY, ID, SUCCESS};

/// The host of the first request of a wait, which a proxy sees, and the messages of the wait.
fn host(run: impl FnOnce(Run) -> Run) -> (String, String) {
    let proxy = Server::acts([Act::SendAndClose(b"HTTP/1.1 407 no\r\n\r\n".to_vec())]);
    let base =
        bare().env("HTTPS_PROXY", &proxy.url()).env("HW_AUTH_TOKEN", CANARY).args(["--project-id", "0a"]);
    let ended = run(base).arg(ID).run().expect(125, "requires a user and a password");
    let head = proxy.seen().remove(0).head;
    let host = head.strip_prefix("CONNECT ").unwrap().split(':').next().unwrap().to_owned();
    (host, ended.stderr)
}

#[test]
fn the_region_of_any_variable_and_in_any_case_determines_the_host() {
    for name in
        ["HW_REGION_NAME", "OS_REGION_NAME", "HUAWEICLOUD_SDK_REGION", "HUAWEI_CLOUD_REGION", "OS_REGION"]
    {
        let (host, said) = host(|run| run.env(name, "ME-East-1 "));
        assert_eq!(host, "gaussdbformysql.me-east-1.myhuaweicloud.com", "{name}");
        assert!(!said.contains("guess"), "{said}");
    }
    for (service, region, expected) in [
        ("gaussdb", "me-east-1", "gaussdb.me-east-1.myhuaweicloud.com"),
        ("gaussdb", "cn-north-4", "gaussdb-opengauss.cn-north-4.myhuaweicloud.com"),
        ("rds", "eu-west-101", "rds.eu-west-101.myhuaweicloud.eu"),
        ("taurusdb", "EU-DE", "gaussdb-mysql.eu-de.otc.t-systems.com"),
        ("dds", "eu-ch2", "dds.eu-ch2.sc.otc.t-systems.com"),
    ] {
        let (host, _) = host(|run| run.args(["--service", service, "--region", region]));
        assert_eq!(host, expected);
    }
}

#[test]
fn a_host_that_is_a_guess_is_said_to_be_one() {
    for region in ["af-north-1", "cn-east-2", "cn-north-44", "eu-west-101"] {
        let (host, said) = host(|run| run.args(["--region", region]));
        assert!(said.contains(&format!("warning: https://{host} is a guess")), "{said}");
        assert_eq!(said.matches("guess").count(), 1, "{said}");
    }
    let (_, said) = host(|run| run.args(["--region", "cn-north-44", "--endpoint", "https://db.example"]));
    assert!(!said.contains("guess"), "{said}");
}

#[test]
fn the_region_variables_and_files_of_the_sdks_are_used() {
    let region = |run: Run| run.args(["--region", "cn-north-4"]);
    let name = "HUAWEICLOUD_SDK_REGION_GAUSSDB_CN_NORTH_4";
    let (found, said) = host(|run| region(run).env(name, "https://one.example, https://two.example"));
    assert_eq!(found, "one.example");
    assert!(!said.contains("guess"), "{said}");
    let (found, _) = host(|run| region(run).env(name, "https://one.example").args(["--service", "rds"]));
    assert_eq!(found, "rds.cn-north-4.myhuaweicloud.com");
    let refused = region(bare()).env("HW_AUTH_TOKEN", "t").env(name, "http://one.example").arg(ID);
    refused.run().expect(2, &format!("{name}: invalid endpoint"));

    let file = "GAUSSDB:\n  - id: cn-north-4\n    endpoint: https://of-a-file.example\n";
    let home = Folder::new().with(".huaweicloud/regions.yaml", file).with("other.yaml", "a: [");
    let (found, _) = host(|run| region(run).env("HOME", &home.path("")));
    assert_eq!(found, "of-a-file.example");
    let run = region(bare())
        .env("HW_AUTH_TOKEN", "t")
        .env("HUAWEICLOUD_SDK_REGIONS_FILE", &home.path("other.yaml"));
    run.arg(ID).run().expect(2, "other.yaml: line 2");
    // An endpoint by option needs no region and no file.
    let server = Server::answers([(200, SUCCESS)]);
    let run = bare().env("HW_AUTH_TOKEN", "t").env("HUAWEICLOUD_SDK_REGIONS_FILE", "/no/such/file");
    run.args(["--endpoint", &server.url(), "--project-id", "0a", ID]).run().expect(0, "completed");
}

#[test]
fn the_other_host_of_iam_is_tried_if_the_first_is_unknown() {
    let run = || {
        let run =
            bare().env("HW_AUTH_TOKEN", "t").args(["--endpoint", "http://127.0.0.1:9", "-v", "-t", "2s", ID]);
        with_unknown_hosts(run)
    };
    for (region, second) in
        [("cn-north-4", "iam.myhuaweicloud.com"), ("af-north-1", "iam.af-north-1.myhuaweicloud.com")]
    {
        let ended = run().args(["--region", region]).run();
        let trying = format!("trying the other one endpoint=https://{second}");
        let ended = ended.expect(125, &trying);
        assert!(ended.stderr.contains(&format!("cannot look up {second}")), "{ended:?}");
    }
    // The host of an option is the only one.
    let ended = run().args(["--region", "cn-north-4", "--iam-endpoint", "https://iam.example"]).run();
    let ended = ended.expect(125, "cannot look up iam.example");
    assert!(!ended.stderr.contains("trying"), "{ended:?}");
    let server = Server::acts([
        answer(503, "busy"),
        answer(200, r#"{"projects": [{"id": "0a", "name": "cn-north-4"}]}"#),
    ]);
    let run = bare().env("HW_AUTH_TOKEN", "t").env("HUAWEICLOUD_SDK_REGION_IAM_CN_NORTH_4", &server.url());
    let run = run.args(["--region", "cn-north-4", "--endpoint", "http://127.0.0.1:9", "-t", "2s", "-v", ID]);
    run.run().expect(125, "found the project id=0a");
}
