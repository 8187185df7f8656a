# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of everything that calls AWS; their names are those of amazon.aws."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach AWS."""

    DOCUMENTATION = r"""
options:
  account:
    description:
      - The ID of the account that the credentials must be of, in quotes; with those of another one nothing is done.
      - Empty or not given takes any.
    type: str
  region:
    description:
      - The AWS region.
      - "Default: E(AWS_REGION), E(AWS_DEFAULT_REGION), the region of the profile."
    type: str
    aliases: [aws_region, ec2_region]
  profile:
    description:
      - A profile of the AWS configuration files. Excludes O(access_key).
      - "Default: E(AWS_PROFILE)."
    type: str
    aliases: [aws_profile]
  access_key:
    description:
      - The AWS access key ID; O(secret_key) must be given with it.
      - "Default: the credential chain of the AWS SDK (environment, profile, SSO, instance profile)."
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description:
      - The AWS secret access key. Never printed.
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description:
      - The session token of temporary credentials. Never printed.
    type: str
    aliases: [aws_session_token]
  endpoint_url:
    description:
      - The URL to call instead of AWS's own endpoints.
    type: str
    aliases: [aws_endpoint_url]
  aws_ca_bundle:
    description:
      - A file of CA certificates to check AWS's certificate against.
      - "Default: E(AWS_CA_BUNDLE)."
    type: path
  validate_certs:
    description:
      - Whether to check AWS's certificate.
    type: bool
    default: true
  assume_role_arn:
    description:
      - The ARN of a role to assume with the credentials found; the calls are made as that role.
    type: str
    aliases: [iam_role_arn]
  assume_role_external_id:
    description:
      - The external ID that the role asks for.
    type: str
  assume_role_session_name:
    description:
      - The name of the role session, as CloudTrail shows it.
    type: str
    default: apiary-swarm
requirements:
  - botocore >= 1.29 (a part of boto3)
notes:
  - Environment variables and AWS configuration files are read on the host that runs the module.
"""

    PLUGIN = r"""
options:
  region:
    description:
      - The AWS region.
      - "Default: the region of the profile."
    type: str
    aliases: [aws_region, ec2_region]
    env:
      - name: AWS_REGION
      - name: AWS_DEFAULT_REGION
  profile:
    description:
      - A profile of the AWS configuration files. Excludes O(access_key).
    type: str
    aliases: [aws_profile]
    env:
      - name: AWS_PROFILE
  access_key:
    description:
      - The AWS access key ID; O(secret_key) must be given with it.
      - "Default: the credential chain of the AWS SDK (environment, profile, SSO, instance profile)."
    type: str
    aliases: [aws_access_key_id, aws_access_key]
    env:
      - name: AWS_ACCESS_KEY_ID
  secret_key:
    description:
      - The AWS secret access key. Never printed.
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
    env:
      - name: AWS_SECRET_ACCESS_KEY
  session_token:
    description:
      - The session token of temporary credentials. Never printed.
    type: str
    aliases: [aws_session_token]
    env:
      - name: AWS_SESSION_TOKEN
  endpoint_url:
    description:
      - The URL to call instead of AWS's own endpoints.
    type: str
    aliases: [aws_endpoint_url]
  aws_ca_bundle:
    description:
      - A file of CA certificates to check AWS's certificate against.
    type: path
    env:
      - name: AWS_CA_BUNDLE
  validate_certs:
    description:
      - Whether to check AWS's certificate.
    type: bool
    default: true
  assume_role_arn:
    description:
      - The ARN of a role to assume with the credentials found; the calls are made as that role.
    type: str
    aliases: [iam_role_arn]
  assume_role_external_id:
    description:
      - The external ID that the role asks for.
    type: str
  assume_role_session_name:
    description:
      - The name of the role session, as CloudTrail shows it.
    type: str
    default: apiary-swarm
requirements:
  - botocore >= 1.29 (a part of boto3)
notes:
  - Environment variables and AWS configuration files are read on the controller.
"""
